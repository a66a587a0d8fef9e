! The compute-optimal allocation of thirty budgets, from Fortran. Numbers are printed as the bits of their doubles.
!
!   gfortran allocate.f90 -L<scalecore.get_library_dir()> -lscalecore -lm
module scalecore
  use, intrinsic :: iso_c_binding
  implicit none
  interface
    function sc_optimal_allocation(bound, whole, budget, input_dim, concentration, cost, width, samples, error) &
        bind(c) result(status)
      import :: c_int, c_double
      integer(c_int), value :: bound, whole
      real(c_double), value :: budget, input_dim, concentration, cost
      real(c_double), intent(out) :: width, samples, error
      integer(c_int) :: status
    end function
    function sc_error_bound(n, t, d, k) bind(c) result(error)
      import :: c_double
      real(c_double), value :: n, t, d, k
      real(c_double) :: error
    end function
  end interface
end module

program allocate_budgets
  use scalecore
  implicit none
  real(c_double) :: budget, width, samples, error
  integer(c_int) :: status
  integer :: i
  do i = 1, 30
    budget = scale(1.0e6_c_double, i)
    status = sc_optimal_allocation(0_c_int, 1_c_int, budget, 10.0_c_double, 100.0_c_double, 6.0_c_double, width, samples, error)
    if (status < 0) error stop "wrong argument"
    print "(3(Z16.16, 1X), Z16.16)", transfer(width, 0_c_int64_t), transfer(samples, 0_c_int64_t), transfer(error, 0_c_int64_t), &
      transfer(sc_error_bound(width, samples, 10.0_c_double, 100.0_c_double), 0_c_int64_t)
  end do
end program

/* The files that hold kernels, for simd/isa_kernels.h: each is compiled once more for every
   instruction set. */
#include "bounds/bounds.c"
#include "bounds/frontier.c"
#include "bounds/points.c"
#include "finite/histories.c"
#include "finite/information.c"
#include "fitting/sums.c"
#include "network/network.c"
#include "spectral/directions.c"
#include "spectral/projection.c"
#include "spectral/spectral.c"
#include "spectral/spectral_frontier.c"
#include "training/training.c"

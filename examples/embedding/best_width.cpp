// For every number of samples the best of a thousand widths, shared out among std::threads: a
// grid search by a host program.
//
//   c++ -std=c++17 -pthread best_width.cpp -I<scalecore.get_include()>
//       -L<scalecore.get_library_dir()> -lscalecore
#include <scalecore.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <thread>
#include <vector>

struct Best {
    double samples, width, error;
};

static Best search(double samples)
{
    std::vector<double> width(1000), error(width.size());
    for (std::size_t i = 0; i < width.size(); i++)
        width[i] = 1.0 + static_cast<double>(i * i);
    const double input_dim = 10.0, concentration = 100.0;
    const sc_column n{width.data(), 1}, T{&samples, 0}, d{&input_dim, 0}, K{&concentration, 0};
    if (sc_evaluate(SC_ERROR_BOUND, static_cast<std::ptrdiff_t>(width.size()), n, T, d, K,
                    error.data(), 1)
        != 0)
        std::fprintf(stderr, "out of the domain\n");
    const auto at = std::min_element(error.begin(), error.end()) - error.begin();
    return {samples, width[static_cast<std::size_t>(at)], error[static_cast<std::size_t>(at)]};
}

int main()
{
    std::vector<Best> best(30);
    std::vector<std::thread> threads;
    const std::size_t team = std::max(2u, std::thread::hardware_concurrency());
    for (std::size_t t = 0; t < team; t++)
        threads.emplace_back([&best, t, team] {
            for (std::size_t i = t; i < best.size(); i += team)
                best[i] = search(std::ldexp(1000.0, static_cast<int>(i)));
        });
    for (auto &thread : threads)
        thread.join();
    for (const Best &b : best)
        std::printf("%a %a %a\n", b.samples, b.width, b.error);
}

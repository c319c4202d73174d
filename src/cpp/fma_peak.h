// fma_peak.h: how fast the cores multiply and add, measured. A yardstick for benchmarks; no operation asks for it.
#pragma once

namespace pyconv {

// float32 FLOP/s of multiply-adds in registers alone, on so many threads, with the ISA in use: the best of as many
// short runs as fill the seconds, one at least.
double fma_peak(int threads, double seconds);

}  // namespace pyconv

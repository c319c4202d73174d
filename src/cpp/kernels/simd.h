// simd.h: the vector type of the ISA being compiled and the few operations that kernels need beyond + - * < on it.
// Not a wrapper of every instruction: arithmetic is the compiler's own on vector types (gcc and clang).
//
// Everything in kernels/ lives in an anonymous namespace inside the ISA's own: a weak symbol compiled for AVX-512 might
// otherwise be the copy that the linker keeps, and stop an older CPU. For the same reason no std:: template with code.
#pragma once

#include <cstdint>
#include <cstring>

#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

// Loops over the registers of a tile. gcc decides which arrays live in registers before it unrolls loops of its own
// accord: without this the accumulators went through the stack before and after each reduction, which cost a quarter of
// the time where that has nine steps.
#define PYCONV_UNROLL _Pragma("GCC unroll 16")

namespace pyconv::PYCONV_ISA_NAME {
namespace {

#if defined(__AVX512F__)
constexpr int kVectorBytes = 64, kRegisters = 32;
#elif defined(__AVX2__)
constexpr int kVectorBytes = 32, kRegisters = 16;
#elif defined(__aarch64__)
constexpr int kVectorBytes = 16, kRegisters = 32;
#else
constexpr int kVectorBytes = 16, kRegisters = 16;
#endif

template <class T>
constexpr int kLanes = kVectorBytes / static_cast<int>(sizeof(T));

template <class T>
struct VecOf {
  typedef T type __attribute__((vector_size(kVectorBytes)));
};
template <class T>
using Vec = typename VecOf<T>::type;

template <class T>
Vec<T> broadcast(T x) {
  return x - Vec<T>{};  // x - 0 is x, also for NaN and -0
}

template <class T>
Vec<T> load(const T* p) {
  Vec<T> v;
  std::memcpy(&v, p, sizeof v);
  return v;
}

template <class T>
void store(T* p, Vec<T> v) {
  std::memcpy(p, &v, sizeof v);
}

// As store, at a multiple of the vector's size, but past the caches: what lies there isn't read first. Where it belongs
// to others next, streams_end comes first.
template <class T>
void stream(T* p, Vec<T> v) {
#if defined(__AVX512F__)
  _mm512_stream_si512(reinterpret_cast<__m512i*>(p), reinterpret_cast<__m512i>(v));
#elif defined(__AVX2__)
  _mm256_stream_si256(reinterpret_cast<__m256i*>(p), reinterpret_cast<__m256i>(v));
#elif defined(__x86_64__)
  _mm_stream_si128(reinterpret_cast<__m128i*>(p), reinterpret_cast<__m128i>(v));
#else
  store(p, v);
#endif
}

inline void streams_end() {
#if defined(__x86_64__)
  _mm_sfence();
#endif
}

// Half a vector, whose instructions cost half where a core runs one of 64 bytes as two. Not of doubles, to save code.
template <class T>
constexpr bool kHasHalves = kVectorBytes == 64 && sizeof(T) == sizeof(float);

template <class T>
struct HalfVecOf {
  typedef T type __attribute__((vector_size(kVectorBytes / 2)));
};
template <class T>
using HalfVec = typename HalfVecOf<T>::type;

#if defined(__AVX512F__)
inline HalfVec<float> lower_half(Vec<float> v) { return _mm512_maskz_extractf32x8_ps(0xff, v, 0); }  // as for roots
inline Vec<float> whole_vector(HalfVec<float> v) { return _mm512_castps256_ps512(v); }  // of any upper half
#endif

// v, which the compiler must now have in a register. gcc would rather load it anew at each use, since x86 multiplies
// from memory at no cost; but a core loads only one such vector a cycle, or half of one that crosses a cache line.
template <class V>
V in_register(V v) {
#if defined(__x86_64__)
  asm("" : "+v"(v));
#elif defined(__aarch64__)
  asm("" : "+w"(v));
#endif
  return v;
}

// A vector of whole numbers as wide as T, and the vector whose lane i is v[lanes[i]], 0 <= lanes[i] < kLanes.
template <class T>
using LaneVec = decltype(Vec<T>{} < Vec<T>{});

template <class T>
Vec<T> permute(Vec<T> v, LaneVec<T> lanes) {
#if defined(__clang__)
  Vec<T> result;
  for (int i = 0; i < kLanes<T>; ++i) result[i] = v[lanes[i]];
  return result;
#else
  return __builtin_shuffle(v, lanes);
#endif
}

// The first n < kLanes elements; the rest is zero when loaded and left alone when stored.
template <class T>
Vec<T> load_partial(const T* p, int64_t n) {
  Vec<T> v{};
  for (int64_t j = 0; j < n; ++j) v[j] = p[j];
  return v;
}

template <class T>
void store_partial(T* p, Vec<T> v, int64_t n) {
  for (int64_t j = 0; j < n; ++j) p[j] = v[j];
}

#if defined(__AVX512F__)
template <>
Vec<float> load_partial(const float* p, int64_t n) {
  return _mm512_maskz_loadu_ps(static_cast<__mmask16>((1u << n) - 1), p);
}
template <>
void store_partial(float* p, Vec<float> v, int64_t n) {
  _mm512_mask_storeu_ps(p, static_cast<__mmask16>((1u << n) - 1), v);
}
template <>
Vec<double> load_partial(const double* p, int64_t n) {
  return _mm512_maskz_loadu_pd(static_cast<__mmask8>((1u << n) - 1), p);
}
template <>
void store_partial(double* p, Vec<double> v, int64_t n) {
  _mm512_mask_storeu_pd(p, static_cast<__mmask8>((1u << n) - 1), v);
}
#elif defined(__AVX2__)
// Lanes below n are -1, the others 0. Loads with a mask are as fast as others; stores with one take dozens of cycles on
// some cores, hence halves.
inline __m256i first_lanes(int64_t n) {
  return _mm256_cmpgt_epi32(_mm256_set1_epi32(static_cast<int>(n)), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}
template <>
Vec<float> load_partial(const float* p, int64_t n) {
  return _mm256_maskload_ps(p, first_lanes(n));
}
template <>
Vec<double> load_partial(const double* p, int64_t n) {
  return _mm256_maskload_pd(p, first_lanes(2 * n));
}
template <>
void store_partial(float* p, Vec<float> v, int64_t n) {
  __m128 rest = _mm256_castps256_ps128(v);
  if (n & 4) {
    _mm_storeu_ps(p, rest);
    rest = _mm256_extractf128_ps(v, 1);
    p += 4;
  }
  if (n & 2) {
    _mm_storel_pi(reinterpret_cast<__m64*>(p), rest);
    rest = _mm_movehl_ps(rest, rest);
    p += 2;
  }
  if (n & 1) _mm_store_ss(p, rest);
}
template <>
void store_partial(double* p, Vec<double> v, int64_t n) {
  __m128d rest = _mm256_castpd256_pd128(v);
  if (n & 2) {
    _mm_storeu_pd(p, rest);
    rest = _mm256_extractf128_pd(v, 1);
    p += 2;
  }
  if (n & 1) _mm_store_sd(p, rest);
}
#endif

// Whether a lane holds NaN.
template <class T>
bool has_nan(Vec<T> v) {
#if defined(__AVX512F__)
  if constexpr (sizeof(T) == sizeof(float))
    return _mm512_cmp_ps_mask(v, v, _CMP_UNORD_Q) != 0;
  else
    return _mm512_cmp_pd_mask(v, v, _CMP_UNORD_Q) != 0;
#else
  const auto nan = v != v;
  decltype(nan[0] + 0) any = 0;
  for (int j = 0; j < kLanes<T>; ++j) any |= nan[j];
  return any != 0;
#endif
}

// The larger of x and bound in each lane, and x where that is NaN; likewise the smaller. One instruction of x86, which
// returns its second operand if there is a NaN; of a comparison and a choice gcc makes two.
template <class T>
Vec<T> at_least(Vec<T> x, T bound) {
  [[maybe_unused]] constexpr bool is_float = sizeof(T) == sizeof(float);
  const Vec<T> y = broadcast(bound);
#if defined(__AVX512F__)
  if constexpr (is_float)
    return _mm512_maskz_max_ps(0xffff, y, x);
  else
    return _mm512_maskz_max_pd(0xff, y, x);
#elif defined(__AVX2__)
  if constexpr (is_float)
    return _mm256_max_ps(y, x);
  else
    return _mm256_max_pd(y, x);
#else
  return x < y ? y : x;
#endif
}

template <class T>
Vec<T> at_most(Vec<T> x, T bound) {
  [[maybe_unused]] constexpr bool is_float = sizeof(T) == sizeof(float);
  const Vec<T> y = broadcast(bound);
#if defined(__AVX512F__)
  if constexpr (is_float)
    return _mm512_maskz_min_ps(0xffff, y, x);
  else
    return _mm512_maskz_min_pd(0xff, y, x);
#elif defined(__AVX2__)
  if constexpr (is_float)
    return _mm256_min_ps(y, x);
  else
    return _mm256_min_pd(y, x);
#else
  return y < x ? y : x;
#endif
}

// The root of each lane, NaN of negative numbers. The compiler's own calls the C library for those, one by one.
template <class T>
Vec<T> square_root(Vec<T> v) {
  constexpr bool is_float = sizeof(T) == sizeof(float);
#if defined(__AVX512F__)
  if constexpr (is_float)
    return _mm512_maskz_sqrt_ps(0xffff, v);  // gcc 12 warns of the plain one
  else
    return _mm512_maskz_sqrt_pd(0xff, v);
#elif defined(__AVX2__)
  if constexpr (is_float)
    return _mm256_sqrt_ps(v);
  else
    return _mm256_sqrt_pd(v);
#elif defined(__x86_64__)
  if constexpr (is_float)
    return _mm_sqrt_ps(v);
  else
    return _mm_sqrt_pd(v);
#else
  if constexpr (is_float)
    return vsqrtq_f32(v);
  else
    return vsqrtq_f64(v);
#endif
}

// Calls f(offset, load, store) over [0, n) by vectors, the last one partial if it must be.
template <class T, class F>
void for_each_vector(int64_t n, F f) {
  int64_t j = 0;
  for (; j + kLanes<T> <= n; j += kLanes<T>)
    f(j, [](const T* p) { return load(p); }, [](T* p, Vec<T> v) { store(p, v); });
  if (const int64_t rest = n - j; rest > 0)
    f(j, [rest](const T* p) { return load_partial(p, rest); }, [rest](T* p, Vec<T> v) { store_partial(p, v, rest); });
}

}  // namespace
}  // namespace pyconv::PYCONV_ISA_NAME

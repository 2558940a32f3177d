/* Of which the steps are made: powers and logarithms, softmax, matrix products.

   Every operation on a column is one of IEEE 754, and the same whether the column is one of a
   vector or left over: a product is fused with a sum where FMA is written, and in sums of vectors.
 */

#ifndef SWEEPLAB_NUMBERS_H
#define SWEEPLAB_NUMBERS_H

#include <stdint.h>

#define W 64 /* columns at a time: what is known of each stays in registers */

#if defined(__FMA__) || defined(__ARM_FEATURE_FMA)
#define FMA(a, b, c) __builtin_fmaf(a, b, c)
#else
#define FMA(a, b, c) ((a) * (b) + (c))
#endif

typedef int64_t i64;

/* Into loops whose counts are known there: compiled once more for whole W columns. */
#define INLINE static inline __attribute__((always_inline))

typedef union {
    float number;
    int32_t bits;
} Float;

#define LOG2_E 1.44269504f
#define LN_2 0.69314718f
#define ROUNDS 12582912.0f /* 1.5 * 2^23: what is added to it loses its fraction */
#define NOTHING -60.0f /* e to less than this is 0 here: lost beside e^0, and slow if denormal */

/* e to the power x <= 0: of x / ln 2 the whole part makes the exponent, and Taylor's series
   the rest; its next term is below 1e-8. A NaN stays one. */
INLINE float exp_of(float x)
{
    float inside = x < NOTHING ? NOTHING : x;
    Float power = {.number = FMA(inside, LOG2_E, ROUNDS)};
    float r = FMA(inside, LOG2_E, -(power.number - ROUNDS)) * LN_2;
    float sum = FMA(r, 1 / 5040.0f, 1 / 720.0f);
    sum = FMA(r, sum, 1 / 120.0f);
    sum = FMA(r, sum, 1 / 24.0f);
    sum = FMA(r, sum, 1 / 6.0f);
    sum = FMA(r, sum, 1 / 2.0f);
    sum = FMA(r, sum, 1.0f);
    Float result = {.number = FMA(r, sum, 1.0f)};
    result.bits += (int32_t)((uint32_t)power.bits << 23);
    return x < NOTHING ? 0.0f : result.number;
}

/* The natural logarithm of x >= 1: of a power of 2, and of what is left, in [sqrt(1/2), sqrt(2)),
   by the series of 2 artanh((x - 1) / (x + 1)); its next term is below 1e-9. A NaN stays one. */
INLINE float log_of(float x)
{
    Float whole = {.number = x};
    int32_t power = (whole.bits - 0x3f3504f3) >> 23; /* the bits of sqrt(1/2) */
    Float part = {.bits = whole.bits - (int32_t)((uint32_t)power << 23)};
    float s = (part.number - 1.0f) / (part.number + 1.0f), q = s * s;
    float sum = FMA(q, 1 / 9.0f, 1 / 7.0f);
    sum = FMA(q, sum, 1 / 5.0f);
    sum = FMA(q, sum, 1 / 3.0f);
    sum = FMA(q, sum, 1.0f);
    float found = FMA((float)power, LN_2, 2.0f * s * sum);
    return x == x ? found : x;
}

/* The highest of the scores z [C, n] of each of n <= W columns, `stride` from class to class. */
INLINE void highest_of(const float *restrict z, i64 classes, i64 stride, i64 n,
                       float *restrict highest)
{
    for (i64 b = 0; b < n; b++) highest[b] = z[b];
    for (i64 c = 1; c < classes; c++)
        for (i64 b = 0; b < n; b++) {
            float here = z[c * stride + b];
            highest[b] = here > highest[b] ? here : highest[b];
        }
}

/* Scores z [C, n] of n <= W columns become softmax - onehot, the gradient of the summed
   cross-entropy by them (Bishop, Pattern Recognition and Machine Learning, 2006, eq. 4.109).
   Returns their log likelihood. */
INLINE float softmax_gradient(float *restrict z, i64 classes, i64 stride, i64 n,
                              const i64 *restrict true_class)
{
    float highest[W], total[W], of_true[W], likelihood = 0;
    highest_of(z, classes, stride, n, highest);
    for (i64 b = 0; b < n; b++) of_true[b] = z[true_class[b] * stride + b];
    for (i64 b = 0; b < n; b++) total[b] = 0;
    for (i64 c = 0; c < classes; c++)
        for (i64 b = 0; b < n; b++) {
            float power = exp_of(z[c * stride + b] - highest[b]);
            z[c * stride + b] = power;
            total[b] += power;
        }
    for (i64 b = 0; b < n; b++) of_true[b] = of_true[b] - highest[b] - log_of(total[b]);
    for (i64 b = 0; b < n; b++) total[b] = 1.0f / total[b];
    for (i64 c = 0; c < classes; c++)
        for (i64 b = 0; b < n; b++) z[c * stride + b] *= total[b];
    for (i64 b = 0; b < n; b++) z[true_class[b] * stride + b] -= 1.0f;
    for (i64 b = 0; b < n; b++) likelihood += of_true[b];
    return likelihood;
}

/* softmax_gradient of any number of columns. */
static float softmax_gradients(float *z, i64 classes, i64 stride, i64 n, const i64 *true_class)
{
    float likelihood = 0;
    for (; n >= W; n -= W, z += W, true_class += W)
        likelihood += softmax_gradient(z, classes, stride, W, true_class);
    if (n) likelihood += softmax_gradient(z, classes, stride, n, true_class);
    return likelihood;
}

/* Matrix products. A number of one is a sum in the order of k, each term fused with it, however
   many rows and columns there are beside it. */
#if defined(__AVX512F__)
enum { LANES = 16, VECTORS = 4 };
#elif defined(__AVX__)
enum { LANES = 8, VECTORS = 2 };
#else
enum { LANES = 4, VECTORS = 2 };
#endif
enum { ROWS = 5 }; /* ROWS * VECTORS sums, and what they are made of, fill the registers */

typedef float Vector __attribute__((vector_size(4 * LANES), aligned(4), may_alias));
typedef float Vector4 __attribute__((vector_size(16), aligned(4), may_alias));

typedef struct {
    const float *left; /* [rows, k] */
    i64 left_stride, k;
    const float *right;   /* [k, columns]: its rows begin */
    const i64 *beginning; /* at these [k] */
    float *sum;           /* [rows, columns], to which the product is added */
    i64 sum_stride;
} Product;

/* Some rows of a product, and as many columns from `column` on as so many Vectors have. */
#define SOME(NAME, Vector)                                                            \
    INLINE void NAME(const Product *p, i64 row, i64 rows, i64 column, i64 vectors)    \
    {                                                                                 \
        const i64 lanes = sizeof(Vector) / sizeof(float);                             \
        const i64 k = p->k, left_stride = p->left_stride, sum_stride = p->sum_stride; \
        const float *left = p->left + row * left_stride, *right = p->right + column;  \
        float *sum = p->sum + row * sum_stride + column;                              \
        Vector sums[ROWS][VECTORS];                                                   \
        for (i64 r = 0; r < rows; r++)                                                \
            for (i64 v = 0; v < vectors; v++) sums[r][v] = (Vector){0};               \
        for (i64 j = 0; j < k; j++) {                                                 \
            Vector of_right[VECTORS];                                                 \
            for (i64 v = 0; v < vectors; v++)                                         \
                of_right[v] = *(const Vector *)(right + p->beginning[j] + v * lanes); \
            for (i64 r = 0; r < rows; r++)                                            \
                for (i64 v = 0; v < vectors; v++)                                     \
                    sums[r][v] += left[r * left_stride + j] * of_right[v];            \
        }                                                                             \
        for (i64 r = 0; r < rows; r++)                                                \
            for (i64 v = 0; v < vectors; v++)                                         \
                *(Vector *)(sum + r * sum_stride + v * lanes) += sums[r][v];          \
    }
SOME(some_wide, Vector)
SOME(some_narrow, Vector4)
SOME(some_single, float)

INLINE void some_rows(const Product *p, i64 row, i64 rows, i64 columns)
{
    i64 column = 0;
    for (; column + VECTORS * LANES <= columns; column += VECTORS * LANES)
        some_wide(p, row, rows, column, VECTORS);
    for (; column + LANES <= columns; column += LANES) some_wide(p, row, rows, column, 1);
    for (; column + 4 <= columns; column += 4) some_narrow(p, row, rows, column, 1);
    for (; column < columns; column++) some_single(p, row, rows, column, 1);
}

static void add_product(const Product *p, i64 rows, i64 columns)
{
    i64 row = 0;
    for (; row + ROWS <= rows; row += ROWS) some_rows(p, row, ROWS, columns);
    switch (rows - row) { /* each with a count known to the compiler */
    case 4: some_rows(p, row, 4, columns); break;
    case 3: some_rows(p, row, 3, columns); break;
    case 2: some_rows(p, row, 2, columns); break;
    case 1: some_rows(p, row, 1, columns); break;
    }
}

#endif

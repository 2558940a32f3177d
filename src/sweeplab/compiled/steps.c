/* The steps of the stacked engine that are not matrix products: each reads its numbers once, while
   they are in the nearest cache. PyTorch's operators would read and write them a dozen times.

   Shapes, as everywhere in the engine: P runs, C classes, n columns, each an example. A run is
   computed by itself, by the same operations whatever is beside it, and every operation on a column
   is one of IEEE 754 (built with -ffp-contract=off; a fused multiply-add stands where FMA is
   written). So neither the neighbours nor the width of the vectors can change a bit. */

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

typedef union { float number; int32_t bits; } Float;

#define LOG2_E 1.44269504f
#define LN_2 0.69314718f
#define ROUNDS 12582912.0f /* 1.5 * 2^23: what is added to it loses its fraction */
#define NOTHING -60.0f /* e to less than this is 0 here: it is lost beside e^0, and far from denormal */

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
    for (i64 b = 0; b < n; b++) of_true[b] -= highest[b] + log_of(total[b]);
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

/* The same of scores [P, C, n], of P runs whose columns' true classes are a row of true_class
   [., n], that of `seen` [P]. Writes the log likelihood [P] of each run's columns. */
void batch_gradients(i64 runs, i64 classes, i64 n, float *scores, const i64 *seen,
                     const i64 *true_class, float *likelihood)
{
    for (i64 p = 0; p < runs; p++)
        likelihood[p] = softmax_gradients(scores + p * classes * n, classes, n, n,
                                          true_class + seen[p] * n);
}

/* To scores at [C, n] add left [C, k] times right [k, n], of as many columns as a Vector has; four
   classes at once, so that no sum waits for the one before it. */
#define ADD_PRODUCT(NAME, Vector)                                                                  \
    static void NAME(float *at, i64 classes, i64 k, i64 stride, const float *left,                 \
                     const float *right)                                                           \
    {                                                                                              \
        for (i64 c = 0; c < classes; c += 4) {                                                     \
            i64 rows = classes - c < 4 ? classes - c : 4;                                          \
            const float *a = left + c * stride, *b = a + (rows > 1 ? stride : 0),                  \
                        *d = a + (rows > 2 ? 2 * stride : 0), *e = a + (rows > 3 ? 3 * stride : 0); \
            Vector sums[4] = {0};                                                                  \
            for (i64 j = 0; j < k; j++) {                                                          \
                Vector row = *(const Vector *)(right + j * stride);                                \
                sums[0] += a[j] * row;                                                             \
                sums[1] += b[j] * row;                                                             \
                sums[2] += d[j] * row;                                                             \
                sums[3] += e[j] * row;                                                             \
            }                                                                                      \
            for (i64 row = 0; row < rows; row++)                                                   \
                *(Vector *)(at + (c + row) * stride) += sums[row];                                 \
        }                                                                                          \
    }
typedef float Vector16 __attribute__((vector_size(64), aligned(4), may_alias));
typedef float Vector4 __attribute__((vector_size(16), aligned(4), may_alias));
ADD_PRODUCT(add_product_16, Vector16)
ADD_PRODUCT(add_product_4, Vector4)
ADD_PRODUCT(add_product_1, float)

/* Some updates of batches of `size`, of P runs whose state has `parts`: the weights' scores and,
   with momentum, the velocities'.

   scores [parts, P, C, columns] are those before them. seen [P] says which row of images and
   true_class [., updates * size], and of within [., updates * size, updates * size], is a run's:
   the columns of its batches, their true classes, and the inner products of their examples. carry
   [P, updates + 1, parts, parts] and factor [P, updates + 1, parts, updates] say what is left of
   the state after some updates, and how often each batch's gradient stands in it.

   Writes gradients [P, C, updates * size] and the log likelihood [updates, P] of each batch. `room`
   is for C * updates * size numbers. */
void gradients(i64 runs, i64 classes, i64 updates, i64 size, i64 columns, i64 parts,
               const float *scores, const i64 *seen, const i64 *images, const i64 *true_class,
               const float *within, const float *carry, const float *factor, float *room,
               float *gradients, float *likelihood)
{
    i64 whole = updates * size;
    for (i64 p = 0; p < runs; p++) {
        const i64 *chosen = images + seen[p] * whole, *classes_of = true_class + seen[p] * whole;
        const float *products = within + seen[p] * whole * whole;
        const float *carried = carry + p * (updates + 1) * parts * parts;
        const float *factors = factor + p * (updates + 1) * parts * updates;
        float *gradient = gradients + p * classes * whole;
        for (i64 i = 0; i < updates; i++, carried += parts * parts, factors += parts * updates) {
            i64 before = i * size;
            for (i64 c = 0; c < classes; c++) {
                const float *of_class = scores + (p * classes + c) * columns;
                for (i64 b = before; b < before + size; b++) {
                    float score = carried[0] * of_class[chosen[b]];
                    if (parts == 2)
                        score = FMA(carried[1], of_class[runs * classes * columns + chosen[b]], score);
                    gradient[c * whole + b] = score;
                }
                for (i64 j = 0; j < i; j++)
                    for (i64 b = j * size; b < (j + 1) * size; b++)
                        room[c * whole + b] = factors[j] * gradient[c * whole + b];
            }
            i64 b = before, end = before + size;
            for (; before && b + 16 <= end; b += 16)
                add_product_16(gradient + b, classes, before, whole, room, products + b);
            for (; before && b + 4 <= end; b += 4)
                add_product_4(gradient + b, classes, before, whole, room, products + b);
            for (; before && b < end; b++)
                add_product_1(gradient + b, classes, before, whole, room, products + b);
            likelihood[i * runs + p] = softmax_gradients(gradient + before, classes, whole, size,
                                                         classes_of + before);
        }
    }
}

/* Where the numbers of P runs lie, of whose n columns some are next. */
typedef struct {
    i64 classes, parts, part_stride, class_stride, moved_class_stride;
    float *scores;           /* [parts, C, n], of one run */
    const float *moved;      /* [parts, C, n], or null */
    const float *carry;      /* [parts, parts] */
    const i64 *true_class;   /* [n], or null */
    float likelihoods[W], rights[W]; /* summed up so far, by the place of a column among W */
} Run;

/* Leave so much of the scores of n <= W columns as carry says, and add what they were moved by. */
INLINE void move(Run *run, i64 n)
{
    const float *by = run->carry;
    for (i64 c = 0; c < run->classes; c++) {
        float *restrict scores = run->scores + c * run->class_stride;
        const float *restrict moved = run->moved + c * run->moved_class_stride;
        if (run->parts == 1) {
            for (i64 b = 0; b < n; b++) scores[b] = FMA(by[0], scores[b], moved[b]);
            continue;
        }
        float *restrict speeds = scores + run->part_stride;
        const float *restrict faster = moved + run->classes * run->moved_class_stride;
        for (i64 b = 0; b < n; b++) {
            float score = scores[b], speed = speeds[b];
            scores[b] = FMA(by[0], score, FMA(by[1], speed, moved[b]));
            speeds[b] = FMA(by[2], score, FMA(by[3], speed, faster[b]));
        }
    }
}

/* Of n <= W columns, add to the sums what their scores say. */
INLINE void read_off(Run *run, i64 n)
{
    const float *z = run->scores;
    float highest[W], total[W], of_true[W];
    highest_of(z, run->classes, run->class_stride, n, highest);
    for (i64 b = 0; b < n; b++) total[b] = 0;
    for (i64 c = 0; c < run->classes; c++)
        for (i64 b = 0; b < n; b++) total[b] += exp_of(z[c * run->class_stride + b] - highest[b]);
    for (i64 b = 0; b < n; b++) of_true[b] = z[run->true_class[b] * run->class_stride + b];
    for (i64 b = 0; b < n; b++) {
        run->likelihoods[b] += of_true[b] - (highest[b] + log_of(total[b]));
        run->rights[b] += of_true[b] >= highest[b] ? 1.0f : 0.0f;
    }
}

INLINE void next_columns(Run *run, i64 n)
{
    if (run->moved) move(run, n);
    if (run->true_class) read_off(run, n);
    run->scores += n;
    if (run->moved) run->moved += n;
    if (run->true_class) run->true_class += n;
}

/* Bring scores up to date, and read off loss and accuracy.

   scores [parts, P, C, n], of any strides but the last; moved [P, parts, C, n], what is added to
   them after carry [P, parts, parts] of them is left, or null if they stay. true_class [n], or null
   if nothing is to be read. Writes the log likelihood [P], and how many columns have no higher score
   than the true class's [P]. */
void bring_up(i64 runs, i64 classes, i64 n, i64 parts, i64 part_stride, i64 run_stride,
              i64 class_stride, i64 moved_class_stride, i64 carry_stride, float *scores,
              const float *moved, const float *carry, const i64 *true_class, double *likelihood,
              double *right)
{
    for (i64 p = 0; p < runs; p++) {
        Run run = {classes, parts, part_stride, class_stride, moved_class_stride,
                   scores + p * run_stride,
                   moved ? moved + p * parts * classes * moved_class_stride : 0,
                   carry ? carry + p * carry_stride : 0,
                   true_class, {0}, {0}};
        i64 left = n;
        for (; left >= W; left -= W) next_columns(&run, W);
        if (left) next_columns(&run, left);
        likelihood[p] = right[p] = 0;
        for (i64 b = 0; b < W; b++) {
            likelihood[p] += run.likelihoods[b];
            right[p] += run.rights[b];
        }
    }
}

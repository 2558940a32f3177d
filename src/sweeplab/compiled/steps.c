/* The steps of the stacked engine. Each reads its numbers once, while they are in the nearest
   cache, where PyTorch's operators would read and write them a dozen times.

   Shapes, as everywhere in the engine: P runs, C classes, n columns, each an example. A run is
   computed by itself, by the same operations whatever is beside it, so no neighbour can change a
   bit of it. */

#include <string.h>

#include "numbers.h"

#define CHUNK 256 /* columns whose rows of the kernel are copied together */
#define MANY 8    /* runs, from which it pays to copy first what all of them read */

/* Scores [P, C, n] become their gradients, softmax - onehot: those of P runs, whose columns' true
   classes are a row of true_class [., n], that of `seen` [P]. Writes the log likelihood [P] of each
   run's columns. */
void batch_gradients(i64 runs, i64 classes, i64 n, float *scores, const i64 *seen,
                     const i64 *true_class, float *likelihood)
{
    for (i64 p = 0; p < runs; p++)
        likelihood[p] =
            softmax_gradients(scores + p * classes * n, classes, n, n, true_class + seen[p] * n);
}

/* Some updates of batches of `size`, of P runs whose state has `parts`: the weights' scores and,
   with momentum, the velocities'.

   scores [parts, P, C, columns] are those before them, and kernel [., columns] the inner products
   of examples. seen [P] says which row of images and true_class [., updates * size] is a run's: the
   columns of its batches, and their true classes; runs of one row stand together. carry [P, updates
   + 1, parts, parts] and factor [P, updates + 1, parts, updates] say what is left of the state
   after some updates, and how often each batch's gradient stands in it.

   Writes gradients [P, C, updates * size] and the log likelihood [updates, P] of each batch. There
   is room [C + updates * size, updates * size], and for the beginnings [updates * size] of rows. */
void gradients(i64 runs, i64 classes, i64 updates, i64 size, i64 columns, i64 parts,
               const float *scores, const float *kernel, const i64 *seen, const i64 *images,
               const i64 *true_class, const float *carry, const float *factor, float *room,
               i64 *beginning, float *gradients, float *likelihood)
{
    i64 whole = updates * size;
    float *weighed = room, *within = room + classes * whole;
    for (i64 j = 0; j < whole; j++) beginning[j] = j * whole;
    for (i64 p = 0; p < runs; p++) {
        const i64 *chosen = images + seen[p] * whole, *classes_of = true_class + seen[p] * whole;
        const float *carried = carry + p * (updates + 1) * parts * parts;
        const float *factors = factor + p * (updates + 1) * parts * updates;
        float *gradient = gradients + p * classes * whole;
        if (!p || seen[p] != seen[p - 1])
            for (i64 j = 0; j < whole; j++) /* of its image with those of later batches */
                for (i64 b = (j / size + 1) * size; b < whole; b++)
                    within[j * whole + b] = kernel[chosen[j] * columns + chosen[b]];
        for (i64 i = 0; i < updates; i++, carried += parts * parts, factors += parts * updates) {
            i64 before = i * size;
            for (i64 c = 0; c < classes; c++) {
                const float *of_class = scores + (p * classes + c) * columns;
                for (i64 b = before; b < before + size; b++) {
                    float score = carried[0] * of_class[chosen[b]];
                    if (parts == 2)
                        score =
                            FMA(carried[1], of_class[runs * classes * columns + chosen[b]], score);
                    gradient[c * whole + b] = score;
                }
                for (i64 j = 0; j < i; j++)
                    for (i64 b = j * size; b < (j + 1) * size; b++)
                        weighed[c * whole + b] = factors[j] * gradient[c * whole + b];
            }
            /* What the gradients of the updates before do to the scores of the batch. */
            Product moved = {.left = weighed, .left_stride = whole, .k = before,
                             .right = within + before, .beginning = beginning,
                             .sum = gradient + before, .sum_stride = whole};
            add_product(&moved, classes, size);
            likelihood[i * runs + p] =
                softmax_gradients(gradient + before, classes, whole, size, classes_of + before);
        }
    }
}

/* Leave so much of the scores of n <= W columns as carry [parts, parts] says. */
INLINE void carry_on(float *scores, i64 classes, i64 parts, i64 part_stride, i64 class_stride,
                     i64 n, const float *by)
{
    float kept = by[0];
    if (parts == 1 && kept == 1.0f) return;
    for (i64 c = 0; c < classes; c++) {
        float *restrict of_class = scores + c * class_stride;
        if (parts == 1) {
            for (i64 b = 0; b < n; b++) of_class[b] *= kept;
            continue;
        }
        float *restrict speeds = of_class + part_stride;
        float gained = by[1], slowed = by[2], speed_kept = by[3];
        for (i64 b = 0; b < n; b++) {
            float score = of_class[b], speed = speeds[b];
            of_class[b] = FMA(kept, score, gained * speed);
            speeds[b] = FMA(slowed, score, speed_kept * speed);
        }
    }
}

/* Of n <= W columns, add to the log likelihoods [W] and the counts of those that are right [W],
   which follow them, what their scores z [C, n] say. */
INLINE void read_columns(const float *z, i64 classes, i64 stride, i64 n, const i64 *true_class,
                         float *restrict sums)
{
    float highest[W], total[W], of_true[W];
    highest_of(z, classes, stride, n, highest);
    for (i64 b = 0; b < n; b++) total[b] = 0;
    for (i64 c = 0; c < classes; c++)
        for (i64 b = 0; b < n; b++) total[b] += exp_of(z[c * stride + b] - highest[b]);
    for (i64 b = 0; b < n; b++) of_true[b] = z[true_class[b] * stride + b];
    for (i64 b = 0; b < n; b++) {
        sums[b] += of_true[b] - (highest[b] + log_of(total[b]));
        sums[W + b] += of_true[b] >= highest[b] ? 1.0f : 0.0f;
    }
}

static void read_some(const float *z, i64 classes, i64 stride, i64 n, const i64 *true_class,
                      float *sums)
{
    if (n == W)
        read_columns(z, classes, stride, W, true_class, sums);
    else
        read_columns(z, classes, stride, n, true_class, sums);
}

static double sum_of(const float *numbers)
{
    double sum = 0;
    for (i64 b = 0; b < W; b++) sum += numbers[b];
    return sum;
}

/* Loss and accuracy of scores [P, C, n], of any strides but the last, with true_class [n]. Writes
   the log likelihood [P], and how many columns have no higher score than the true class's [P]. */
void read_off(i64 runs, i64 classes, i64 n, i64 run_stride, i64 class_stride, const float *scores,
              const i64 *true_class, double *likelihood, double *right)
{
    for (i64 p = 0; p < runs; p++) {
        float sums[2 * W] = {0};
        for (i64 first = 0; first < n; first += W)
            read_some(scores + p * run_stride + first, classes, class_stride,
                      n - first < W ? n - first : W, true_class + first, sums);
        likelihood[p] = sum_of(sums);
        right[p] = sum_of(sums + W);
    }
}

/* How many numbers bring_up needs room for. */
i64 room_to_bring_up(i64 runs, i64 k) { return 2 * W * runs + CHUNK * k; }

/* Bring scores [parts, P, C, n], of any strides but the last, to after a block: carry [P, parts,
   parts] of them is left, and to that lefts [P, parts, C, k] times the rows of kernel [., n] are
   added that the row of images [., k] names which seen [P] says is a run's. Runs of one row stand
   together. Then, with true_class [n] and not null, what read_off writes. There is the room that
   room_to_bring_up says, and for the beginnings [k] of rows. */
void bring_up(i64 runs, i64 classes, i64 n, i64 parts, i64 part_stride, i64 run_stride,
              i64 class_stride, i64 kernel_stride, i64 carry_stride, i64 k, float *scores,
              const float *lefts, const float *kernel, const i64 *images, const i64 *seen,
              const float *carry, const i64 *true_class, float *room, i64 *beginning,
              double *likelihood, double *right)
{
    float *sums = room, *packed = room + 2 * W * runs;
    memset(sums, 0, 2 * W * runs * sizeof(float));
    for (i64 start = 0, end; start < runs; start = end) {
        for (end = start + 1; end < runs && seen[end] == seen[start];) end++;
        const i64 *chosen = images + seen[start] * k;
        int pack = end - start >= MANY;
        for (i64 j = 0; j < k; j++) beginning[j] = pack ? j * CHUNK : chosen[j] * kernel_stride;
        for (i64 first = 0; first < n; first += CHUNK) {
            i64 count = n - first < CHUNK ? n - first : CHUNK;
            const float *rows = kernel + first;
            if (pack) {
                for (i64 j = 0; j < k; j++)
                    memcpy(packed + j * CHUNK, rows + chosen[j] * kernel_stride,
                           count * sizeof(float));
                rows = packed;
            }
            for (i64 p = start; p < end; p++)
                for (i64 at = 0; at < count; at += W) {
                    i64 wide = count - at < W ? count - at : W;
                    float *z = scores + p * run_stride + first + at;
                    carry_on(z, classes, parts, part_stride, class_stride, wide,
                             carry + p * carry_stride);
                    for (i64 part = 0; part < parts; part++) {
                        const float *left = lefts + (p * parts + part) * classes * k;
                        Product moved = {.left = left, .left_stride = k, .k = k,
                                         .right = rows + at, .beginning = beginning,
                                         .sum = z + part * part_stride, .sum_stride = class_stride};
                        add_product(&moved, classes, wide);
                    }
                    if (true_class)
                        read_some(z, classes, class_stride, wide, true_class + first + at,
                                  sums + 2 * W * p);
                }
        }
    }
    for (i64 p = 0; p < runs; p++) {
        likelihood[p] = sum_of(sums + 2 * W * p);
        right[p] = sum_of(sums + 2 * W * p + W);
    }
}

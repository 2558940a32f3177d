/* The steps of the stacked engine. Each reads its numbers once, while they are in the nearest
   cache, where PyTorch's operators would read and write them a dozen times.

   Shapes, as everywhere in the engine: P runs, C classes, n columns, each an example. A run is
   computed by itself, by the same operations whatever is beside it, so no neighbour can change a
   bit of it. */

#include <string.h>

#include "numbers.h"

#define CHUNK 256 /* columns whose rows of the kernel are copied together */
#define MANY 8    /* runs, from which it pays to copy first what all of them read */
#define TOGETHER \
    32 /* rows of the kernel: what they come to is summed up, then added to the scores */

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
            Product moved = {.left = weighed,
                             .left_stride = whole,
                             .k = before,
                             .right = within + before,
                             .beginning = beginning,
                             .sum = gradient + before,
                             .sum_stride = whole};
            add_product(&moved, classes, size);
            likelihood[i * runs + p] =
                softmax_gradients(gradient + before, classes, whole, size, classes_of + before);
        }
    }
}

/* A panel, whose scores are to be brought up to date. */
typedef struct {
    i64 classes, parts, k;
    i64 part_stride, run_stride, class_stride, carry_stride;
    float *scores;         /* [parts, P, C, n] */
    const float *lefts;    /* [P, parts, C, k] */
    const float *carry;    /* [P, parts, parts] */
    const i64 *true_class; /* [n], or null */
    float *sums;           /* [P, 2, W]: log likelihoods and counts of what is right */
} Panel;

/* Leave so much of the scores of n <= W columns from `first` on as carry says. */
INLINE void carry_on(const Panel *panel, i64 run, i64 first, i64 n)
{
    const float *by = panel->carry + run * panel->carry_stride;
    float kept = by[0];
    if (panel->parts == 1 && kept == 1.0f) return;
    for (i64 c = 0; c < panel->classes; c++) {
        float *restrict scores =
            panel->scores + run * panel->run_stride + c * panel->class_stride + first;
        if (panel->parts == 1) {
            for (i64 b = 0; b < n; b++) scores[b] *= kept;
            continue;
        }
        float *restrict speeds = scores + panel->part_stride;
        float gained = by[1], slowed = by[2], speed_kept = by[3];
        for (i64 b = 0; b < n; b++) {
            float score = scores[b], speed = speeds[b];
            scores[b] = FMA(kept, score, gained * speed);
            speeds[b] = FMA(slowed, score, speed_kept * speed);
        }
    }
}

/* Add what the examples from number j of a block on, TOGETHER at most, do to those scores: right
   has their rows of the kernel, from these columns on. */
INLINE void add_some(const Panel *panel, i64 run, i64 first, i64 n, i64 j, const float *right,
                     const i64 *beginning)
{
    i64 k = panel->k, classes = panel->classes;
    for (i64 part = 0; part < panel->parts; part++) {
        Product moved = {
            .left = panel->lefts + (run * panel->parts + part) * classes * k + j,
            .left_stride = k,
            .k = k - j < TOGETHER ? k - j : TOGETHER,
            .right = right,
            .beginning = beginning + j,
            .sum = panel->scores + part * panel->part_stride + run * panel->run_stride + first,
            .sum_stride = panel->class_stride,
        };
        add_product(&moved, classes, n);
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
        sums[b] += of_true[b] - highest[b] - log_of(total[b]);
        sums[W + b] += of_true[b] >= highest[b] ? 1.0f : 0.0f;
    }
}

static void read_some(const Panel *panel, i64 run, i64 first, i64 n)
{
    const float *z = panel->scores + run * panel->run_stride + first;
    const i64 *true_class = panel->true_class + first;
    float *sums = panel->sums + 2 * W * run;
    if (n == W)
        read_columns(z, panel->classes, panel->class_stride, W, true_class, sums);
    else
        read_columns(z, panel->classes, panel->class_stride, n, true_class, sums);
}

static double sum_of(const float *numbers)
{
    double sum = 0;
    for (i64 b = 0; b < W; b++) sum += numbers[b];
    return sum;
}

/* Loss and accuracy of scores [P, C, n], of any strides but the last, with true_class [n]. Writes
   the log likelihood [P], and how many columns have no higher score than the true class's [P]. */
void read_off(i64 runs, i64 classes, i64 n, i64 run_stride, i64 class_stride, float *scores,
              const i64 *true_class, double *likelihood, double *right)
{
    for (i64 p = 0; p < runs; p++) {
        float sums[2 * W] = {0};
        Panel panel = {.classes = classes,
                       .class_stride = class_stride,
                       .scores = scores + p * run_stride,
                       .true_class = true_class,
                       .sums = sums};
        for (i64 at = 0; at < n; at += W) read_some(&panel, 0, at, n - at < W ? n - at : W);
        likelihood[p] = sum_of(sums);
        right[p] = sum_of(sums + W);
    }
}

/* How many numbers bring_up needs room for. */
i64 room_to_bring_up(i64 runs, i64 k) { return 2 * W * runs + CHUNK * k; }

/* Runs of one seed from `start` to before `end`, where they are many: what all of them read is
   copied, some columns at a time. */
static void bring_up_many(const Panel *panel, i64 start, i64 end, i64 n, const float *kernel,
                          i64 kernel_stride, const i64 *chosen, float *packed, i64 *beginning)
{
    for (i64 j = 0; j < panel->k; j++) beginning[j] = j * CHUNK;
    for (i64 first = 0; first < n; first += CHUNK) {
        i64 count = n - first < CHUNK ? n - first : CHUNK;
        for (i64 j = 0; j < panel->k; j++)
            memcpy(packed + j * CHUNK, kernel + chosen[j] * kernel_stride + first,
                   count * sizeof(float));
        for (i64 run = start; run < end; run++)
            for (i64 at = 0; at < count; at += W) {
                i64 wide = count - at < W ? count - at : W;
                carry_on(panel, run, first + at, wide);
                for (i64 j = 0; j < panel->k; j += TOGETHER)
                    add_some(panel, run, first + at, wide, j, packed + at, beginning);
                if (panel->true_class) read_some(panel, run, first + at, wide);
            }
    }
}

/* Where they are few: the rows are read where they lie, each from its begin to its end, which the
   processor sees coming. */
static void bring_up_few(const Panel *panel, i64 start, i64 end, i64 n, const float *kernel,
                         i64 kernel_stride, const i64 *chosen, i64 *beginning)
{
    for (i64 j = 0; j < panel->k; j++) beginning[j] = chosen[j] * kernel_stride;
    for (i64 run = start; run < end; run++)
        for (i64 at = 0; at < n; at += W) carry_on(panel, run, at, n - at < W ? n - at : W);
    for (i64 j = 0; j < panel->k; j += TOGETHER)
        for (i64 at = 0; at < n; at += W)
            for (i64 run = start; run < end; run++)
                add_some(panel, run, at, n - at < W ? n - at : W, j, kernel + at, beginning);
    for (i64 run = start; panel->true_class && run < end; run++)
        for (i64 at = 0; at < n; at += W) read_some(panel, run, at, n - at < W ? n - at : W);
}

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
    Panel panel = {classes,      parts,  k,     part_stride, run_stride, class_stride,
                   carry_stride, scores, lefts, carry,       true_class, room};
    memset(room, 0, 2 * W * runs * sizeof(float));
    for (i64 start = 0, end; start < runs; start = end) {
        for (end = start + 1; end < runs && seen[end] == seen[start];) end++;
        const i64 *chosen = images + seen[start] * k;
        if (end - start < MANY)
            bring_up_few(&panel, start, end, n, kernel, kernel_stride, chosen, beginning);
        else
            bring_up_many(&panel, start, end, n, kernel, kernel_stride, chosen, room + 2 * W * runs,
                          beginning);
    }
    for (i64 p = 0; p < runs; p++) {
        likelihood[p] = sum_of(room + 2 * W * p);
        right[p] = sum_of(room + 2 * W * p + W);
    }
}

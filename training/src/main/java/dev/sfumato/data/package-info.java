/**
 * Pictures to train on: where they come from and the batches they make.
 *
 * <ul>
 *   <li>{@link dev.sfumato.data.Datasets} opens what {@code --data} names, as {@link
 *       dev.sfumato.data.DataOptions} say, and gives a {@link dev.sfumato.data.Dataset}: pictures
 *       as compact bytes, labels and class names.
 *   <li>Folders, archives and Parquet files are sources of encoded pictures, with labels and
 *       captions. What cannot be read at random, compressed tar archives and Parquet files, is
 *       copied as it is to a temporary file. One data set decodes them all, once when it is opened,
 *       to name every bad file, and keeps the scaled pictures within a budget of memory.
 *   <li>{@link dev.sfumato.data.Batches} turns a data set into tensors in [-1, 1], in an order that
 *       is a pure function of (seed, epoch), from any position; threads prepare them ahead.
 * </ul>
 *
 * <p>What happens to a picture is what diffusers' {@code train_unconditional.py} does: RGB, smaller
 * edge resized to the resolution (bilinear, antialiased), centre or random crop, random flip, [-1,
 * 1]; scaling gives the bytes that torchvision's {@code Resize} gives on PIL pictures, not on
 * tensors. Two things are done as the {@code datasets} library and common sense have it: the EXIF
 * orientation is obeyed, and what is transparent is laid onto white.
 */
package dev.sfumato.data;

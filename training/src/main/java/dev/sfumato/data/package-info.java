/**
 * Training pictures: their sources and their batches.
 *
 * <ul>
 *   <li>{@link dev.sfumato.data.Datasets} opens data by name or path with {@link
 *       dev.sfumato.data.DataOptions} and returns a {@link dev.sfumato.data.Dataset}: pictures as
 *       compact bytes, labels and class names.
 *   <li>Folders, archives and Parquet files are sources of encoded pictures, with labels and
 *       captions. Compressed tar archives and Parquet files allow no random access, so their
 *       encoded pictures are copied to a temporary file. One data set decodes all pictures once
 *       when it is opened, so that it can name every bad file, and keeps the scaled pictures within
 *       a budget of memory.
 *   <li>{@link dev.sfumato.data.Batches} turns a data set into tensors in [-1, 1], in an order that
 *       is a pure function of (seed, epoch), from any position; threads prepare them ahead.
 * </ul>
 *
 * <p>Pictures are prepared as in diffusers' {@code train_unconditional.py}: RGB, smaller edge
 * resized to the resolution (bilinear, antialiased), centre or random crop, random flip, [-1, 1];
 * scaling gives the bytes that torchvision's {@code Resize} gives for PIL pictures, not for
 * tensors. Two things follow the {@code datasets} library: the EXIF orientation is applied, and
 * transparent pictures are laid on white.
 */
package dev.sfumato.data;

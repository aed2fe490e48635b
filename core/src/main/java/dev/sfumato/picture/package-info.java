/**
 * Picture files and pictures in memory.
 *
 * <ul>
 *   <li>{@link dev.sfumato.picture.PictureReader} decodes one picture file, safely, into {@link
 *       dev.sfumato.picture.Pixels}; {@link dev.sfumato.picture.Resize} scales it as Pillow does.
 *   <li>{@link dev.sfumato.picture.Pictures} and {@link dev.sfumato.picture.PictureGrid} turn
 *       sampled values in [-1, 1] into one image, {@link dev.sfumato.picture.Png} saves an image,
 *       {@link dev.sfumato.picture.GifWriter} saves a sequence of them as an animation.
 * </ul>
 *
 * <p>What is written reaches the disk whole: a reader sees the old file or the new one.
 */
package dev.sfumato.picture;

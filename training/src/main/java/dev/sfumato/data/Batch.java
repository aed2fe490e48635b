package dev.sfumato.data;

import dev.sfumato.picture.Size;
import dev.sfumato.tensor.Tensor;
import java.util.Collections;
import java.util.List;
import java.util.Optional;

/**
 * Pictures to train on together.
 *
 * @param images float32 (B, C, H, W) in [-1, 1], on the CPU; it belongs to the scope in which the
 *     batch was requested
 * @param labels the class of each picture (B); empty if the data set has no classes
 * @param captions the text of each picture (B); empty if the data set has no captions
 * @param indices the number of each picture in the data set (B)
 * @param crops the part of each picture that was taken (B)
 * @param masks float32 (B, 1, H, W) in [0, 1], the weight of each pixel in a loss, like {@code
 *     images} in its place and its scope; empty if all count
 */
public record Batch(
    Tensor images,
    long[] labels,
    List<String> captions,
    int[] indices,
    List<Crop> crops,
    Optional<Tensor> masks) {

  /** Whole pictures. */
  public Batch(Tensor images, long[] labels, List<String> captions, int[] indices) {
    this(
        images,
        labels,
        captions,
        indices,
        Collections.nCopies(indices.length, whole(images)),
        Optional.empty());
  }

  private static Crop whole(Tensor images) {
    Size size = new Size((int) images.size(2), (int) images.size(3));
    return new Crop(Frame.of(size), 0, 0);
  }

  /** Returns the tensors, which have a scope. */
  List<Tensor> tensors() {
    return masks.map(m -> List.of(images, m)).orElse(List.of(images));
  }

  /** Returns B, the number of pictures. */
  public int size() {
    return indices.length;
  }
}

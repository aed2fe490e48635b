package dev.sfumato.data;

import dev.sfumato.picture.Pixels;
import dev.sfumato.picture.Size;
import java.util.List;
import java.util.Optional;

/**
 * Pictures, of one size or in {@linkplain Buckets buckets}, numbered from 0, with or without
 * classes and captions. Immutable and safe to read from several threads.
 */
public interface Dataset {

  /** Returns the number of pictures, at least 1. */
  int size();

  /** Returns the channels of every picture: 1 (gray) or 3 (RGB). */
  int channels();

  /** Returns the height of pictures in pixels, after cropping; those in buckets have others. */
  int height();

  /** Returns the width of pictures in pixels, after cropping; those in buckets have others. */
  int width();

  /** Returns the names of the classes, by label; empty if the pictures have none. */
  List<String> classNames();

  /**
   * Returns the class of a picture.
   *
   * @param index the picture's number, 0 to {@code size() - 1}
   * @return 0 to {@code classNames().size() - 1}
   * @throws IllegalStateException if the pictures have no classes
   */
  int label(int index);

  /** Returns a text for each picture, in order; empty if the pictures have none. */
  default List<String> captions() {
    return List.of();
  }

  /**
   * Returns how often an epoch of {@link Batches} takes a picture; at least 1.
   *
   * @param index the picture's number, 0 to {@code size() - 1}
   */
  default int repeats(int index) {
    return 1;
  }

  /**
   * Returns how a picture gets its size; by default it already has it.
   *
   * @param index the picture's number, 0 to {@code size() - 1}
   */
  default Frame frame(int index) {
    return Frame.of(new Size(height(), width()));
  }

  /**
   * Returns a picture, decoded and scaled, with {@link #channels} channels. It has the size of its
   * {@link #frame} unless crops are random: then it may be larger, and {@link Batches} draws the
   * crop.
   *
   * @param index the picture's number, 0 to {@code size() - 1}
   */
  Pixels pixels(int index);

  /** Returns whether pictures may have masks. */
  default boolean hasMasks() {
    return false;
  }

  /**
   * Returns the mask of a picture: one channel, as large as its {@link #pixels}, 255 where the
   * picture counts in a loss and 0 where it does not; empty if all of it counts.
   *
   * @param index the picture's number, 0 to {@code size() - 1}
   */
  default Optional<Pixels> mask(int index) {
    return Optional.empty();
  }

  /** Returns the middle of a picture, cropped to its size, as floats in [-1, 1], (C, H, W). */
  default float[] picture(int index) {
    return picture(index, frame(index).size());
  }

  /** Returns the middle of a picture that is scaled to another size if it has not this one. */
  default float[] picture(int index, Size size) {
    return frame(index).middle(pixels(index), size).signed();
  }
}

package dev.sfumato.data;

import dev.sfumato.picture.Pixels;
import java.util.List;

/**
 * Pictures of one size, numbered from 0, with or without classes and captions. Immutable and safe
 * to read from several threads.
 */
public interface Dataset {

  /** Returns the number of pictures, at least 1. */
  int size();

  /** Returns the channels of every picture: 1 (gray) or 3 (RGB). */
  int channels();

  /** Returns the height of every picture in pixels, after cropping. */
  int height();

  /** Returns the width of every picture in pixels, after cropping. */
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
   * Returns a picture, decoded and scaled, with {@link #channels} channels. It is {@code height x
   * width} unless crops are random: then it may be larger along one edge, and {@link Batches} draws
   * the crop.
   *
   * @param index the picture's number, 0 to {@code size() - 1}
   */
  Pixels pixels(int index);

  /** Returns a picture's middle as floats in [-1, 1], (C, H, W). */
  default float[] picture(int index) {
    return pixels(index).centerCrop(height(), width()).signed();
  }
}

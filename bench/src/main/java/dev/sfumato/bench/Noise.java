package dev.sfumato.bench;

import dev.sfumato.data.Dataset;
import dev.sfumato.picture.Pixels;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;

/** Square pictures of noise in ten classes. */
record Noise(int size, int channels, int side) implements Dataset {
  @Override
  public int height() {
    return side;
  }

  @Override
  public int width() {
    return side;
  }

  @Override
  public List<String> classNames() {
    return IntStream.range(0, 10).mapToObj(Integer::toString).toList();
  }

  @Override
  public int label(int index) {
    return index % 10;
  }

  @Override
  public List<String> captions() {
    return Collections.nCopies(size, "a face with green hair");
  }

  @Override
  public Pixels pixels(int index) {
    byte[] values = new byte[channels * side * side];
    new Random(index).nextBytes(values);
    return new Pixels(channels, side, side, values);
  }
}

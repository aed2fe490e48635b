package dev.sfumato.training;

import dev.sfumato.data.Dataset;
import dev.sfumato.picture.Pixels;
import dev.sfumato.tensor.Rng;
import dev.sfumato.tensor.Scope;
import java.util.List;
import java.util.stream.IntStream;

/** Pictures in memory; picture i has the label i modulo the number of classes. */
public record PictureList(List<Pixels> pictures, int classes) implements Dataset {

  /** Noise of 8 bits, {@code torch.randint(0, 256, (count, channels, side, side))}. */
  public static PictureList random(int count, int channels, int side, int classes, long seed) {
    try (Scope scope = Scope.open();
        Rng random = new Rng(seed)) {
      long[] values = random.integers(0, 256, count, channels, side, side).toLongs();
      int length = channels * side * side;
      return new PictureList(
          IntStream.range(0, count)
              .mapToObj(
                  i -> {
                    byte[] bytes = new byte[length];
                    for (int j = 0; j < length; j++) {
                      bytes[j] = (byte) values[i * length + j];
                    }
                    return new Pixels(channels, side, side, bytes);
                  })
              .toList(),
          classes);
    }
  }

  @Override
  public int size() {
    return pictures.size();
  }

  @Override
  public int channels() {
    return pictures.get(0).channels();
  }

  @Override
  public int height() {
    return pictures.get(0).height();
  }

  @Override
  public int width() {
    return pictures.get(0).width();
  }

  @Override
  public List<String> classNames() {
    return IntStream.range(0, classes).mapToObj(String::valueOf).toList();
  }

  @Override
  public int label(int index) {
    return index % classes;
  }

  @Override
  public Pixels pixels(int index) {
    return pictures.get(index);
  }
}

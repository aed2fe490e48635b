package dev.sfumato.evaluation;

import dev.sfumato.data.Dataset;
import dev.sfumato.picture.Pixels;
import java.util.List;

/**
 * A data set whose pictures have a black border, so that the crop which batches draw for every
 * picture and epoch shifts it by up to {@code border} pixels each way.
 */
record ShiftedDataset(Dataset original, int border) implements Dataset {
  @Override
  public int size() {
    return original.size();
  }

  @Override
  public int channels() {
    return original.channels();
  }

  @Override
  public int height() {
    return original.height();
  }

  @Override
  public int width() {
    return original.width();
  }

  @Override
  public List<String> classNames() {
    return original.classNames();
  }

  @Override
  public int label(int index) {
    return original.label(index);
  }

  @Override
  public Pixels pixels(int index) {
    Pixels inner = original.pixels(index);
    int height = inner.height() + 2 * border;
    int width = inner.width() + 2 * border;
    byte[] values = new byte[inner.channels() * height * width];
    for (int channel = 0; channel < inner.channels(); channel++) {
      for (int row = 0; row < inner.height(); row++) {
        System.arraycopy(
            inner.values(),
            (channel * inner.height() + row) * inner.width(),
            values,
            (channel * height + row + border) * width + border,
            inner.width());
      }
    }
    return new Pixels(inner.channels(), height, width, values);
  }
}

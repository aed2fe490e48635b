package dev.sfumato.evaluation;

import dev.sfumato.data.Dataset;
import dev.sfumato.data.DatasetView;
import dev.sfumato.picture.Pixels;

/**
 * A data set with a black border around each picture. The crop that batches draw for every picture
 * and epoch then shifts it by up to {@code border} pixels each way.
 */
final class ShiftedDataset extends DatasetView {
  private final int border;

  ShiftedDataset(Dataset original, int border) {
    super(original);
    this.border = border;
  }

  @Override
  public Pixels pixels(int index) {
    Pixels inner = super.pixels(index);
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

package dev.sfumato.training;

import dev.sfumato.data.Dataset;
import dev.sfumato.data.DatasetView;
import dev.sfumato.picture.Pixels;
import java.util.Optional;

/** Pictures of 16 x 16 pixels with the masks of the references; the fifth has none. */
final class Masked extends DatasetView {
  Masked(Dataset pictures) {
    super(pictures);
  }

  @Override
  public boolean hasMasks() {
    return true;
  }

  @Override
  public Optional<Pixels> mask(int index) {
    byte[] levels = new byte[16 * 16];
    for (int i = 0; i < levels.length; i++) {
      levels[i] = (byte) (25 * ((7 * (i / 16) + 3 * (i % 16) + 5 * index) % 11));
    }
    return index == 4 ? Optional.empty() : Optional.of(new Pixels(1, 16, 16, levels));
  }
}

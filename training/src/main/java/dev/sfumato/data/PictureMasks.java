package dev.sfumato.data;

import dev.sfumato.SfumatoException;
import dev.sfumato.picture.PictureReader;
import dev.sfumato.picture.Pixels;
import dev.sfumato.picture.Transparency;
import java.util.Locale;
import java.util.Optional;

/**
 * Reads the masks of pictures.
 *
 * @param place where they are
 */
record PictureMasks(PictureSource source, Masks place) {
  private static final double ROUNDING = 0.02; // of proportions

  /**
   * @throws SfumatoException if the source has no such masks
   */
  PictureMasks {
    if (place == Masks.FILE && !source.ofFiles()) {
      throw new SfumatoException(
          source.origin()
              + ": masks in files need a folder or an archive of pictures: see `masks`");
    }
  }

  /**
   * Returns the mask of a picture in one channel, white where the picture counts; empty if it has
   * none and counts whole.
   *
   * @param bytes the file of the picture
   * @throws SfumatoException if the mask cannot be read, or has other proportions
   */
  Optional<Pixels> of(int index, byte[] bytes, Frame frame) {
    String name = source.name(index);
    return switch (place) {
      case NONE -> Optional.empty();
      case ALPHA -> Transparency.of(bytes, name);
      case FILE ->
          source
              .mask(index)
              .map(file -> PictureReader.read(file, "the mask of " + name).gray())
              .map(mask -> requireAlike(mask, frame, name));
    };
  }

  private static Pixels requireAlike(Pixels mask, Frame frame, String name) {
    double proportion = (double) mask.width() / mask.height();
    double own = (double) frame.original().width() / frame.original().height();
    if (Math.abs(proportion / own - 1) > ROUNDING) {
      throw new SfumatoException(
          String.format(
              Locale.ROOT,
              "the mask of %s has %d x %d pixels, which are not the proportions of %s",
              name,
              mask.width(),
              mask.height(),
              frame.original()));
    }
    return mask;
  }
}

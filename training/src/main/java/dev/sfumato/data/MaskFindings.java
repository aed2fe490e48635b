package dev.sfumato.data;

import dev.sfumato.SfumatoException;
import dev.sfumato.picture.Pixels;
import java.lang.System.Logger.Level;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentSkipListSet;

/** The masks of decoded pictures that deserve a word. Safe to fill from several threads. */
final class MaskFindings {
  private static final System.Logger log = System.getLogger(MaskFindings.class.getName());

  private final Set<String> unmasked = new ConcurrentSkipListSet<>();
  private final Set<String> black = new ConcurrentSkipListSet<>();

  /** Notes the mask of a picture, as large as the picture is for training. */
  void add(String picture, Optional<Pixels> mask) {
    if (mask.isEmpty()) {
      unmasked.add(picture);
    } else if (isBlack(mask.get())) {
      black.add(picture);
    }
  }

  private static boolean isBlack(Pixels mask) {
    for (byte value : mask.values()) {
      if (value != 0) {
        return false;
      }
    }
    return true;
  }

  /**
   * Warns of pictures that count whole, and of those of which nothing counts.
   *
   * @param pictures their number
   * @throws SfumatoException if no picture has a mask, or no mask leaves anything
   */
  void tell(String origin, Masks place, int pictures) {
    if (unmasked.size() == pictures) {
      throw new SfumatoException(
          origin
              + (place == Masks.FILE
                  ? ": no picture has a mask beside it, such as rose-masklabel.png for rose.jpg"
                  : ": no picture has an alpha channel")
              + ": see `masks`");
    }
    if (black.size() == pictures) {
      throw new SfumatoException(
          origin
              + (place == Masks.FILE
                  ? ": all masks are black, so there is nothing to learn: make white what counts"
                  : ": all pictures are transparent, so there is nothing to learn: see `masks`"));
    }
    if (!unmasked.isEmpty()) {
      log.log(Level.WARNING, origin + ": pictures without a mask count whole: " + unmasked.size());
    }
    if (!black.isEmpty()) {
      log.log(
          Level.WARNING,
          origin
              + ": nothing is learned from pictures whose mask is black: "
              + SurveyLines.some(List.copyOf(black)));
    }
  }
}

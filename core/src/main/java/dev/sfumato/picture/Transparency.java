package dev.sfumato.picture;

import dev.sfumato.SfumatoException;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.util.Optional;

/** The alpha channel of PNG and WebP files. */
public final class Transparency {
  private Transparency() {}

  /**
   * Returns how opaque each pixel of a picture is.
   *
   * @param bytes the content of the file, which is a sound picture
   * @param name the name of the file in messages
   * @return one channel, 0 transparent to 255 opaque, upright; empty if the file has no alpha
   *     channel, or is neither PNG nor WebP
   * @throws SfumatoException if the file is damaged
   */
  public static Optional<Pixels> of(byte[] bytes, String name) {
    PictureFormat format = PictureFormat.of(bytes).orElse(PictureFormat.JPEG);
    try {
      Optional<Pixels> alpha =
          switch (format) {
            case PNG -> ofPng(bytes, name);
            case WEBP -> NativeDecoder.webpAlpha(Chunks.firstFrame(bytes));
            case JPEG, GIF, BMP -> Optional.empty();
          };
      return alpha.map(stored -> stored.upright(Exif.orientation(bytes, format)));
    } catch (IOException e) {
      throw new SfumatoException(name + ": damaged picture (" + e.getMessage() + ")", e);
    }
  }

  private static Optional<Pixels> ofPng(byte[] bytes, String name) throws IOException {
    boolean[] transparent = {false};
    Pixels alpha =
        PictureReader.decodeByJdk(
            bytes,
            PictureFormat.PNG,
            name,
            reader -> {
              BufferedImage image = reader.read(0);
              transparent[0] = image.getColorModel().hasAlpha();
              return alpha(image);
            });
    return transparent[0] ? Optional.of(alpha) : Optional.empty();
  }

  private static Pixels alpha(BufferedImage image) {
    int[] colors =
        image.getRGB(0, 0, image.getWidth(), image.getHeight(), null, 0, image.getWidth());
    byte[] alpha = new byte[colors.length];
    for (int i = 0; i < colors.length; i++) {
      alpha[i] = (byte) (colors[i] >>> 24);
    }
    return new Pixels(1, image.getHeight(), image.getWidth(), alpha);
  }
}

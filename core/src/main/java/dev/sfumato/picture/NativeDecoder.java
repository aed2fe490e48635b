package dev.sfumato.picture;

import dev.sfumato.tensor.Engine;
import java.nio.IntBuffer;
import java.util.Optional;
import org.bytedeco.leptonica.PIX;
import org.bytedeco.leptonica.global.leptonica;

/**
 * Decodes JPEG and WebP with libjpeg-turbo and libwebp, which come with Leptonica. Pillow uses the
 * same decoders, so the bytes are the same; with SIMD they are faster than the JDK's.
 *
 * <p>They tell whether a picture is sound, but not its fault. Sizes are checked earlier.
 */
final class NativeDecoder {
  private static final int NO_PALETTE = 0;
  private static final int WHOLE_SIZE = 1;
  private static final int STRICT = 0; // refuses files that cause warnings

  static {
    Engine.prepare(); // this also uses JavaCPP
    leptonica.setMsgSeverity(leptonica.L_SEVERITY_NONE);
  }

  private NativeDecoder() {}

  /**
   * Returns a picture of 3 channels.
   *
   * @param file a JPEG file of one or three components
   * @return empty if the decoder finds any fault
   */
  static Optional<Pixels> jpeg(byte[] file) {
    int[] warnings = {0};
    return taken(
        leptonica.pixReadMemJpeg(file, file.length, NO_PALETTE, WHOLE_SIZE, warnings, STRICT));
  }

  /** Returns the size that a WebP file declares; 0 x 0 if its header is damaged. */
  static Size webpSize(byte[] file) {
    int[] width = {0};
    int[] height = {0};
    int[] channels = {0};
    leptonica.readHeaderMemWebP(file, file.length, width, height, channels);
    return new Size(height[0], width[0]);
  }

  /**
   * Returns a picture of 3 channels, with transparent parts on white.
   *
   * @param file a WebP file without animation
   * @return empty if the file is damaged
   */
  static Optional<Pixels> webp(byte[] file) {
    return taken(leptonica.pixReadMemWebP(file, file.length));
  }

  /**
   * Returns how opaque a picture is, in one channel.
   *
   * @param file a WebP file without animation
   * @return empty if the file is damaged or has no transparency
   */
  static Optional<Pixels> webpAlpha(byte[] file) {
    PIX picture = leptonica.pixReadMemWebP(file, file.length);
    if (picture == null || picture.spp() != 4) {
      leptonica.pixDestroy(picture);
      return Optional.empty();
    }
    int height = picture.h();
    int width = picture.w();
    int[] words = new int[height * width]; // 0xRRGGBBAA
    picture.data().capacity(words.length).asBuffer().get(words);
    leptonica.pixDestroy(picture);
    byte[] alpha = new byte[words.length];
    for (int i = 0; i < words.length; i++) {
      alpha[i] = (byte) words[i];
    }
    return Optional.of(new Pixels(1, height, width, alpha));
  }

  /** Copies a picture to the heap and frees it. */
  private static Optional<Pixels> taken(PIX picture) {
    if (picture == null) {
      return Optional.empty();
    }
    if (picture.d() == 8) {
      PIX coloured = leptonica.pixConvert8To32(picture);
      leptonica.pixDestroy(picture);
      return taken(coloured);
    }
    int height = picture.h();
    int width = picture.w();
    boolean alpha = picture.spp() == 4;
    byte[] out = new byte[3 * height * width];
    IntBuffer words = picture.data().capacity((long) height * width).asBuffer();
    int[] row = new int[width]; // 0xRRGGBBAA
    for (int y = 0; y < height; y++) {
      words.get(row);
      for (int channel = 0; channel < 3; channel++) {
        int target = (channel * height + y) * width;
        int shift = 24 - 8 * channel;
        for (int x = 0; x < width; x++) {
          out[target + x] = (byte) (row[x] >>> shift);
        }
        if (alpha) {
          for (int x = 0; x < width; x++) {
            out[target + x] = Colors.onWhite(out[target + x] & 0xff, row[x] & 0xff);
          }
        }
      }
    }
    leptonica.pixDestroy(picture);
    return Optional.of(new Pixels(3, height, width, out));
  }
}

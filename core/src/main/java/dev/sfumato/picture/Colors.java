package dev.sfumato.picture;

import java.awt.image.BufferedImage;
import java.awt.image.ColorModel;
import java.awt.image.ComponentColorModel;
import java.awt.image.DataBuffer;
import java.awt.image.DataBufferByte;
import java.awt.image.PixelInterleavedSampleModel;
import java.awt.image.Raster;
import javax.imageio.IIOException;

/**
 * Turns what a decoder gives into RGB bytes. Samples are taken as they are stored: colour profiles
 * and gamma are left out of account, as Pillow leaves them.
 */
final class Colors {
  private static final int WHITE = 255;

  private Colors() {}

  /** Palette, packed, gray or RGB, 8 or 16 bits, with or without alpha. */
  static Pixels toRgb(BufferedImage image) throws IIOException {
    ColorModel model = image.getColorModel();
    // Only these have samples that are colours themselves; palettes and 5-bit fields need a
    // look-up.
    return model instanceof ComponentColorModel ? fromSamples(image) : fromLookup(image);
  }

  private static Pixels fromLookup(BufferedImage image) {
    int width = image.getWidth();
    int height = image.getHeight();
    int plane = width * height;
    byte[] out = new byte[3 * plane];
    int[] row = new int[width];
    for (int y = 0; y < height; y++) {
      image.getRGB(0, y, width, 1, row, 0, width);
      for (int x = 0; x < width; x++) {
        int alpha = row[x] >>> 24;
        for (int channel = 0; channel < 3; channel++) {
          int value = row[x] >> (16 - 8 * channel) & 0xff;
          out[channel * plane + y * width + x] = onWhite(value, alpha);
        }
      }
    }
    return new Pixels(3, height, width, out);
  }

  private static Pixels fromSamples(BufferedImage image) throws IIOException {
    Raster raster = image.getRaster();
    int bands = raster.getNumBands();
    int shift = shift(raster);
    boolean gray = bands <= 2;
    boolean alpha = bands == 2 || bands == 4;
    if (!alpha
        && raster.getSampleModel() instanceof PixelInterleavedSampleModel model
        && raster.getDataBuffer() instanceof DataBufferByte data
        && raster.getParent() == null) {
      return fromBytes(model, data);
    }
    int width = image.getWidth();
    int height = image.getHeight();
    int plane = width * height;
    byte[] out = new byte[3 * plane];
    int[] row = new int[width];
    int[] alphas = new int[width];
    for (int y = 0; y < height; y++) {
      if (alpha) {
        raster.getSamples(0, y, width, 1, bands - 1, alphas);
      }
      for (int channel = 0; channel < 3; channel++) {
        raster.getSamples(0, y, width, 1, gray ? 0 : channel, row);
        int target = channel * plane + y * width;
        for (int x = 0; x < width; x++) {
          int value = row[x] >> shift;
          out[target + x] = alpha ? onWhite(value, alphas[x] >> shift) : (byte) value;
        }
      }
    }
    return new Pixels(3, height, width, out);
  }

  /** What most files are, as {@link #fromSamples} would give it, several times as fast. */
  private static Pixels fromBytes(PixelInterleavedSampleModel model, DataBufferByte data) {
    byte[] samples = data.getData();
    int width = model.getWidth();
    int height = model.getHeight();
    int step = model.getPixelStride();
    int bands = model.getNumBands();
    byte[] out = new byte[3 * height * width];
    int target = 0;
    for (int channel = 0; channel < 3; channel++) {
      int band = data.getOffset() + model.getBandOffsets()[channel % bands];
      for (int y = 0; y < height; y++) {
        int from = band + y * model.getScanlineStride();
        for (int x = 0; x < width; x++, from += step) {
          out[target++] = samples[from];
        }
      }
    }
    return new Pixels(3, height, width, out);
  }

  private static int shift(Raster raster) throws IIOException {
    int type = raster.getTransferType();
    if (type != DataBuffer.TYPE_BYTE && type != DataBuffer.TYPE_USHORT
        || raster.getNumBands() > 4) {
      throw new IIOException("samples of an unknown kind");
    }
    return type == DataBuffer.TYPE_USHORT ? 8 : 0;
  }

  /** Returns a colour, not premultiplied, as it looks on white. */
  static byte onWhite(int value, int alpha) {
    return (byte) ((value * alpha + WHITE * (255 - alpha) + 127) / 255);
  }

  /**
   * Four-channel JPEG samples, inverted as Adobe writes them (and as Pillow takes all of them to
   * be), so that 255 is no ink: a colour is what its ink and the black ink let through.
   *
   * @param ycck whether the three inks are stored as YCbCr of their complement
   */
  static Pixels fromCmyk(Raster raster, boolean ycck) {
    int width = raster.getWidth();
    int height = raster.getHeight();
    int plane = width * height;
    byte[] out = new byte[3 * plane];
    int[] row = new int[4 * width];
    for (int y = 0; y < height; y++) {
      raster.getPixels(0, y, width, 1, row);
      for (int x = 0; x < width; x++) {
        if (ycck) {
          toInks(row, 4 * x);
        }
        int black = row[4 * x + 3];
        for (int channel = 0; channel < 3; channel++) {
          out[channel * plane + y * width + x] =
              (byte) ((row[4 * x + channel] * black + 127) / 255);
        }
      }
    }
    return new Pixels(3, height, width, out);
  }

  private static void toInks(int[] row, int at) {
    int luma = row[at];
    int cb = row[at + 1] - 128;
    int cr = row[at + 2] - 128;
    row[at] = clamp(255 - (luma + 1.402 * cr));
    row[at + 1] = clamp(255 - (luma - 0.344136 * cb - 0.714136 * cr));
    row[at + 2] = clamp(255 - (luma + 1.772 * cb));
  }

  private static int clamp(double value) {
    return (int) Math.max(0, Math.min(255, Math.round(value)));
  }
}

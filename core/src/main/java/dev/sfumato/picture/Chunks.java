package dev.sfumato.picture;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/**
 * The named chunks of a PNG file (length, name, data, checksum) or a WebP file (name, length, data,
 * padding to an even length).
 *
 * @param file the bytes
 * @param start where the first chunk begins
 * @param png whether chunks are laid out as in PNG
 */
record Chunks(byte[] file, int start, boolean png) {
  private static final int RIFF_HEADER = 12;
  private static final int FRAME_HEADER = 16; // of ANMF: place, size, duration, flags
  private static final byte ALPHA_FLAG = 0x10;

  static Chunks png(byte[] file) {
    return new Chunks(file, 8, true);
  }

  static Chunks webp(byte[] file) {
    return new Chunks(file, RIFF_HEADER, false);
  }

  /** Returns the data of the first chunk of that name, empty if there is none that is whole. */
  byte[] find(String wanted) {
    ByteBuffer bytes =
        ByteBuffer.wrap(file).order(png ? ByteOrder.BIG_ENDIAN : ByteOrder.LITTLE_ENDIAN);
    long at = start;
    while (at + 8 <= file.length) {
      String name = new String(file, (int) (png ? at + 4 : at), 4, StandardCharsets.US_ASCII);
      int length = bytes.getInt((int) (png ? at : at + 4));
      if (length < 0 || length > file.length - at - 8) {
        break;
      }
      if (name.equals(wanted)) {
        return Arrays.copyOfRange(file, (int) at + 8, (int) at + 8 + length);
      }
      at += 8L + length + (png ? 4 : length & 1);
    }
    return new byte[0];
  }

  /**
   * Returns an animated WebP file's first frame as a file of its own, since the decoder takes still
   * pictures only; other files as they are.
   */
  static byte[] firstFrame(byte[] webp) {
    byte[] frame = webp(webp).find("ANMF");
    if (frame.length <= FRAME_HEADER) {
      return webp;
    }
    int chunks = frame.length - FRAME_HEADER;
    boolean alpha = new Chunks(frame, FRAME_HEADER, false).find("ALPH").length > 0;
    int extended = alpha ? 18 : 0;
    ByteBuffer out =
        ByteBuffer.allocate(RIFF_HEADER + extended + chunks).order(ByteOrder.LITTLE_ENDIAN);
    out.put(ascii("RIFF")).putInt(4 + extended + chunks).put(ascii("WEBP"));
    if (alpha) {
      out.put(ascii("VP8X")).putInt(10).putInt(ALPHA_FLAG);
      out.put(frame, 6, 6); // width and height, less one, three bytes each, in both headers
    }
    return out.put(frame, FRAME_HEADER, chunks).array();
  }

  private static byte[] ascii(String name) {
    return name.getBytes(StandardCharsets.US_ASCII);
  }
}

package dev.sfumato.picture;

import java.io.ByteArrayOutputStream;
import javax.imageio.IIOException;

/**
 * The first frame of a GIF file. The JDK's reader fills what is missing or makes no sense with some
 * colour and says nothing, so the codes are followed here first: they tell how many pixels they
 * make.
 */
final class GifFrame {
  private static final int MAX_CODES = 4096;
  private static final int CONTROL = 0xf9; // the extension that tells of transparency
  private static final int END = ';';

  private final byte[] file;
  private int at = 13; // behind the header and the screen's description
  private int pixels;

  // ---- the reader of codes, which lie in blocks of up to 255 bytes, lowest bit first

  private int blockEnd;
  private int bits;
  private int bitCount;

  private GifFrame(byte[] file) {
    this.file = file;
  }

  /**
   * Checks that the codes of the first frame make all of its pixels and no more.
   *
   * @throws IIOException saying what is wrong
   */
  static void requireSound(byte[] file) throws IIOException {
    GifFrame frame = new GifFrame(file);
    frame.find();
    frame.follow();
  }

  /**
   * Returns a file of the first frame alone. The JDK's reader takes a time that is the square of
   * the length of a comment, and reads all comments.
   *
   * @throws IIOException if there is no frame
   */
  static byte[] alone(byte[] file) throws IIOException {
    GifFrame frame = new GifFrame(file);
    ByteArrayOutputStream alone = new ByteArrayOutputStream();
    alone.write(file, 0, Math.min(file.length, frame.at + palette(frame.octet(10))));
    int start = frame.find();
    frame.at++; // the depth of the codes
    frame.skipBlocks();
    alone.write(file, start, Math.min(file.length, frame.at) - start);
    alone.write(END);
    return alone.toByteArray();
  }

  /** Skips to the codes; returns where what describes the frame begins. */
  private int find() throws IIOException {
    at += palette(octet(10));
    int start = -1;
    while (octet(at) == '!') { // an extension: its kind, and blocks
      start = octet(at + 1) == CONTROL ? at : -1;
      at += 2;
      skipBlocks();
    }
    start = start < 0 ? at : start;
    if (octet(at) != ',') {
      throw new IIOException("there is no frame in it");
    }
    pixels = Math.multiplyExact(word(at + 5), word(at + 7));
    at += 10 + palette(octet(at + 9));
    return start;
  }

  private void skipBlocks() {
    while (at < file.length && file[at] != 0) {
      at += 1 + (file[at] & 0xff);
    }
    at++;
  }

  private static int palette(int flags) {
    return (flags & 0x80) == 0 ? 0 : 3 << 1 + (flags & 7);
  }

  private int octet(int place) throws IIOException {
    if (place >= file.length) {
      throw tooEarly();
    }
    return file[place] & 0xff;
  }

  private int word(int place) throws IIOException {
    return octet(place) | octet(place + 1) << 8;
  }

  private static IIOException tooEarly() {
    return new IIOException("the file ends too early");
  }

  private static IIOException damaged() {
    return new IIOException("its data do not fit");
  }

  /** Follows the codes of LZW, keeping of each only how many pixels it stands for. */
  private void follow() throws IIOException {
    int depth = octet(at++);
    if (depth < 1 || depth > 11) {
      throw damaged();
    }
    blockEnd = at;
    int clear = 1 << depth;
    int[] lengths = new int[MAX_CODES];
    int next = clear + 2;
    int width = depth + 1;
    int previous = -1;
    long made = 0;
    for (int code = code(width); code >= 0 && code != clear + 1; code = code(width)) {
      if (code == clear) {
        next = clear + 2;
        width = depth + 1;
        previous = -1;
        continue;
      }
      if (previous < 0 ? code > clear : code > next || next == MAX_CODES && code == next) {
        throw damaged();
      }
      if (previous >= 0 && next < MAX_CODES) {
        lengths[next++] = 1 + length(lengths, previous, clear);
        width += next == 1 << width && width < 12 ? 1 : 0;
      }
      made += length(lengths, code, clear);
      if (made > pixels) {
        throw damaged();
      }
      previous = code;
    }
    if (made < pixels) {
      throw tooEarly();
    }
  }

  private static int length(int[] lengths, int code, int clear) {
    return code < clear ? 1 : lengths[code];
  }

  /** Returns the next code, -1 behind the last. */
  private int code(int width) throws IIOException {
    while (bitCount < width) {
      if (at == blockEnd) {
        int length = at < file.length ? file[at] & 0xff : 0;
        if (length == 0) {
          return -1;
        }
        at++;
        blockEnd = at + length;
      }
      if (at >= file.length) {
        return -1;
      }
      bits |= (file[at++] & 0xff) << bitCount;
      bitCount += 8;
    }
    int code = bits & (1 << width) - 1;
    bits >>>= width;
    bitCount -= width;
    return code;
  }
}

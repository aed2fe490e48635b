package dev.sfumato.picture;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Optional;

/** Reads the size of a picture from the first bytes of its file, without decoding it. */
public final class PictureHeader {
  private static final int EXIF_FLAG = 0x08; // of a WebP file

  private PictureHeader() {}

  /**
   * Returns the size of a picture after it is turned upright, as its header tells.
   *
   * @param begin the first bytes of the file; 32 KB are enough for most files
   * @param whole whether that is all of the file
   * @return empty if the bytes are not enough, or not those of a picture
   */
  public static Optional<Size> size(byte[] begin, boolean whole) {
    try {
      Optional<PictureFormat> format = PictureFormat.of(begin);
      if (format.isEmpty() || format.get() == PictureFormat.WEBP && !whole && hasExif(begin)) {
        return Optional.empty(); // its orientation lies at the end
      }
      Size stored = stored(begin, format.get());
      boolean turned = Exif.orientation(begin, format.get()) >= 5;
      return Optional.of(turned ? new Size(stored.width(), stored.height()) : stored)
          .filter(size -> size.height() > 0 && size.width() > 0);
    } catch (IOException | RuntimeException e) {
      return Optional.empty(); // the header goes on, or is damaged
    }
  }

  private static Size stored(byte[] begin, PictureFormat format) throws IOException {
    ByteBuffer big = ByteBuffer.wrap(begin);
    ByteBuffer little = ByteBuffer.wrap(begin).order(ByteOrder.LITTLE_ENDIAN);
    return switch (format) {
      case PNG -> new Size(big.getInt(20), big.getInt(16));
      case GIF -> new Size(little.getShort(8) & 0xffff, little.getShort(6) & 0xffff);
      case BMP -> // version 2 has numbers of 16 bits; rows from the top have a negative height
          little.getInt(14) == 12
              ? new Size(little.getShort(20) & 0xffff, little.getShort(18) & 0xffff)
              : new Size(Math.abs(little.getInt(22)), little.getInt(18));
      case WEBP -> ofWebp(little);
      case JPEG -> {
        JpegHeader header = JpegHeader.of(begin);
        yield new Size(header.height(), header.width());
      }
    };
  }

  private static Size ofWebp(ByteBuffer file) {
    return switch (chunk(file.array())) {
      case "VP8X" -> new Size((file.getInt(26) >>> 8) + 1, (file.getInt(24) & 0xffffff) + 1);
      case "VP8L" -> {
        int bits = file.getInt(21);
        yield new Size((bits >> 14 & 0x3fff) + 1, (bits & 0x3fff) + 1);
      }
      default -> new Size(file.getShort(28) & 0x3fff, file.getShort(26) & 0x3fff);
    };
  }

  private static boolean hasExif(byte[] begin) {
    return chunk(begin).equals("VP8X") && (begin[20] & EXIF_FLAG) != 0;
  }

  /** Returns the name of a WebP file's first chunk. */
  private static String chunk(byte[] begin) {
    return new String(begin, 12, 4, StandardCharsets.US_ASCII);
  }
}

package dev.sfumato.picture;

import com.twelvemonkeys.imageio.metadata.Entry;
import com.twelvemonkeys.imageio.metadata.jpeg.JPEG;
import com.twelvemonkeys.imageio.metadata.jpeg.JPEGSegment;
import com.twelvemonkeys.imageio.metadata.jpeg.JPEGSegmentUtil;
import com.twelvemonkeys.imageio.metadata.tiff.TIFF;
import com.twelvemonkeys.imageio.metadata.tiff.TIFFReader;
import com.twelvemonkeys.imageio.stream.ByteArrayImageInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;

/** Finds the EXIF orientation that a camera wrote into a JPEG, PNG or WebP file. */
final class Exif {
  private static final byte[] JPEG_PREFIX = "Exif\0\0".getBytes(StandardCharsets.US_ASCII);

  private Exif() {}

  /** Returns the orientation, 1 to 8; 1 (upright) where there is none that can be read. */
  static int orientation(byte[] file, PictureFormat format) {
    try {
      byte[] tiff = block(file, format);
      if (tiff.length == 0) {
        return 1;
      }
      Entry entry =
          new TIFFReader()
              .read(new ByteArrayImageInputStream(tiff))
              .getEntryById(TIFF.TAG_ORIENTATION);
      return entry != null && entry.getValue() instanceof Number number ? number.intValue() : 1;
    } catch (IOException | RuntimeException e) {
      return 1; // damaged metadata does not make a damaged picture
    }
  }

  private static byte[] block(byte[] file, PictureFormat format) throws IOException {
    return switch (format) {
      case JPEG -> fromJpeg(file);
      case PNG -> withoutPrefix(Chunks.png(file).find("eXIf"));
      case WEBP -> withoutPrefix(Chunks.webp(file).find("EXIF"));
      case GIF, BMP -> new byte[0];
    };
  }

  private static byte[] fromJpeg(byte[] file) throws IOException {
    List<JPEGSegment> segments =
        JPEGSegmentUtil.readSegments(new ByteArrayImageInputStream(file), JPEG.APP1, "Exif");
    if (segments.isEmpty()) {
      return new byte[0];
    }
    try (InputStream data = segments.get(0).data()) {
      data.skipNBytes(1); // the identifier's second zero byte
      return data.readAllBytes();
    }
  }

  private static byte[] withoutPrefix(byte[] data) {
    boolean prefixed = Arrays.mismatch(data, JPEG_PREFIX) == JPEG_PREFIX.length;
    return prefixed ? Arrays.copyOfRange(data, JPEG_PREFIX.length, data.length) : data;
  }
}

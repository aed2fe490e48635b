package dev.sfumato.picture;

import com.twelvemonkeys.imageio.metadata.jpeg.JPEG;
import com.twelvemonkeys.imageio.metadata.jpeg.JPEGSegment;
import com.twelvemonkeys.imageio.metadata.jpeg.JPEGSegmentUtil;
import com.twelvemonkeys.imageio.stream.ByteArrayImageInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * What a JPEG file says of its picture.
 *
 * @param height in pixels; 0, as the rest, for a lossless file
 * @param width in pixels
 * @param components 1 for gray, 3 for colour, 4 for CMYK
 * @param ycck whether four components are luminance, two differences of colour and black, instead
 *     of the inks themselves
 */
record JpegHeader(int height, int width, int components, boolean ycck) {
  static JpegHeader of(byte[] file) throws IOException {
    Map<Integer, List<String>> wanted = new HashMap<>();
    for (int marker : new int[] {JPEG.SOF0, JPEG.SOF1, JPEG.SOF2}) {
      wanted.put(marker, JPEGSegmentUtil.ALL_IDS);
    }
    wanted.put(JPEG.APP14, List.of("Adobe"));
    byte[] frame = {};
    boolean ycck = false;
    for (JPEGSegment segment :
        JPEGSegmentUtil.readSegments(new ByteArrayImageInputStream(file), wanted)) {
      try (InputStream stream = segment.segmentData()) {
        byte[] data = stream.readAllBytes();
        if (segment.marker() == JPEG.APP14) {
          ycck = data.length > 11 && data[11] != 0; // "Adobe", version, two flags, transform
        } else {
          frame = data;
        }
      }
    }
    if (frame.length < 6) {
      return new JpegHeader(0, 0, 0, false);
    }
    ByteBuffer fields = ByteBuffer.wrap(frame, 1, 5); // after the precision
    return new JpegHeader(
        fields.getShort() & 0xffff, fields.getShort() & 0xffff, fields.get(), ycck);
  }

  /** How many scans a file has, or a few more. (Data hold no such marker, but metadata may.) */
  static int scans(byte[] file) {
    int scans = 0;
    for (int i = 0; i + 1 < file.length; i++) {
      if (file[i] == (byte) 0xff && file[i + 1] == (byte) (JPEG.SOS & 0xff)) {
        scans++;
      }
    }
    return scans;
  }

  /**
   * Whether a file lacks its end: coming from there, a start of data is met before an end. (Within
   * the data there is no such marker; a file may have some end of its own in its metadata.)
   */
  static boolean endsTooEarly(byte[] file) {
    for (int i = file.length - 2; i >= 0; i--) {
      if ((file[i] & 0xff) == 0xff) {
        int marker = 0xff00 | file[i + 1] & 0xff;
        if (marker == JPEG.EOI || marker == JPEG.SOS) {
          return marker == JPEG.SOS;
        }
      }
    }
    return true;
  }
}

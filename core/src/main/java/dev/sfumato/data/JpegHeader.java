package dev.sfumato.data;

import com.twelvemonkeys.imageio.metadata.jpeg.JPEG;
import com.twelvemonkeys.imageio.metadata.jpeg.JPEGSegment;
import com.twelvemonkeys.imageio.metadata.jpeg.JPEGSegmentUtil;
import com.twelvemonkeys.imageio.stream.ByteArrayImageInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;

/**
 * What a JPEG file says of its samples, by the rules of libjpeg.
 *
 * @param components 1 for gray, 3 for colour, 4 for CMYK; 0 for a lossless file
 * @param ycc whether the first three components are luminance and two differences of colour,
 *     instead of the colours or inks themselves
 */
record JpegHeader(int components, boolean ycc) {
  static JpegHeader of(byte[] file) throws IOException {
    Map<Integer, List<String>> wanted = new HashMap<>();
    for (int marker : new int[] {JPEG.SOF0, JPEG.SOF1, JPEG.SOF2}) {
      wanted.put(marker, JPEGSegmentUtil.ALL_IDS);
    }
    wanted.put(JPEG.APP0, List.of("JFIF"));
    wanted.put(JPEG.APP14, List.of("Adobe"));
    byte[] frame = {};
    boolean jfif = false;
    OptionalInt transform = OptionalInt.empty();
    for (JPEGSegment segment :
        JPEGSegmentUtil.readSegments(new ByteArrayImageInputStream(file), wanted)) {
      try (InputStream stream = segment.segmentData()) {
        byte[] data = stream.readAllBytes();
        if (segment.marker() == JPEG.APP0) {
          jfif = true;
        } else if (segment.marker() == JPEG.APP14) {
          if (data.length > 11) { // "Adobe", version, two flags, transform
            transform = OptionalInt.of(data[11]);
          }
        } else {
          frame = data;
        }
      }
    }
    int components = frame.length > 5 ? frame[5] : 0; // precision, height, width, their number
    boolean ycc =
        switch (components) {
          case 3 -> jfif || (transform.isPresent() ? transform.getAsInt() != 0 : !namedRgb(frame));
          case 4 -> transform.orElse(0) != 0;
          default -> false;
        };
    return new JpegHeader(components, ycc);
  }

  /** Whether the three components, of three bytes each, have the letters R, G and B as numbers. */
  private static boolean namedRgb(byte[] frame) {
    return frame.length > 12 && frame[6] == 'R' && frame[9] == 'G' && frame[12] == 'B';
  }
}

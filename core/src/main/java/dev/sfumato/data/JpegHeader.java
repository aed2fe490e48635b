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

/**
 * What a JPEG file says of its channels.
 *
 * @param components 1 for gray, 3 for colour, 4 for CMYK
 * @param ycck whether four channels are YCbCr and black (Adobe's transform 2) instead of CMYK
 */
record JpegHeader(int components, boolean ycck) {

  static JpegHeader of(byte[] file) throws IOException {
    Map<Integer, List<String>> wanted = new HashMap<>();
    for (int marker : new int[] {JPEG.SOF0, JPEG.SOF1, JPEG.SOF2, JPEG.SOF3}) {
      wanted.put(marker, JPEGSegmentUtil.ALL_IDS);
    }
    wanted.put(JPEG.APP14, List.of("Adobe"));
    int components = 0;
    boolean ycck = false;
    for (JPEGSegment segment :
        JPEGSegmentUtil.readSegments(new ByteArrayImageInputStream(file), wanted)) {
      try (InputStream stream = segment.segmentData()) {
        byte[] data = stream.readAllBytes();
        if (segment.marker() == JPEG.APP14) {
          ycck = data.length > 11 && data[11] == 2; // "Adobe", version, two flags, transform
        } else if (data.length > 5) {
          components = data[5]; // precision, height, width, number of components
        }
      }
    }
    return new JpegHeader(components, ycck && components == 4);
  }
}

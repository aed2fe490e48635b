package dev.sfumato.evaluation;

import dev.sfumato.hub.ContentHash;
import dev.sfumato.picture.Pictures;
import dev.sfumato.picture.Pixels;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.Iterator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.LongStream;
import java.util.stream.Stream;

/**
 * A summary of pictures that does not depend on their content.
 *
 * @param count the number of pictures
 * @param sizes the number of pictures of each size, such as {@code 28 x 28} (width x height)
 * @param brightness the mean of all samples, 0 (black) to 1 (white)
 * @param contrast the standard deviation of all samples, 0 to 0.5
 * @param repeated the number of pictures that equal an earlier one, pixel by pixel
 */
public record PictureSummary(
    int count, Map<String, Integer> sizes, double brightness, double contrast, int repeated) {

  /** Returns a table with a line for each fact. */
  public String table() {
    List<String> lines = new ArrayList<>();
    lines.add(line("pictures", "%d", count));
    sizes.forEach((size, number) -> lines.add(line("  " + size, "%d", number)));
    lines.add(line("brightness", "%.4f", brightness));
    lines.add(line("contrast", "%.4f", contrast));
    lines.add(line("repeated", "%d", repeated));
    return String.join("\n", lines);
  }

  private static String line(String name, String format, Object value) {
    return String.format(Locale.ROOT, "%-14s  ", name) + String.format(Locale.ROOT, format, value);
  }

  /** Summarises pictures, holding one at a time. */
  public static PictureSummary of(Stream<Pixels> pictures) {
    Map<String, Integer> sizes = new TreeMap<>();
    Set<String> seen = new HashSet<>();
    int count = 0;
    long samples = 0;
    double sum = 0;
    double squares = 0;
    for (Iterator<Pixels> each = pictures.iterator(); each.hasNext(); ) {
      Pixels picture = each.next();
      count++;
      sizes.merge(picture.width() + " x " + picture.height(), 1, Integer::sum);
      seen.add(picture.width() + " " + ContentHash.sha256(picture.values()));
      samples += picture.values().length;
      for (byte value : picture.values()) {
        double sample = (value & 0xff) / 255.0;
        sum += sample;
        squares += sample * sample;
      }
    }
    double mean = samples == 0 ? 0 : sum / samples;
    double variance = samples == 0 ? 0 : Math.max(0, squares / samples - mean * mean);
    return new PictureSummary(count, sizes, mean, Math.sqrt(variance), count - seen.size());
  }

  /** Summarises pictures (N, C, H, W) in [-1, 1], rounded to bytes as in saved pictures. */
  public static PictureSummary of(Tensor images) {
    return of(pictures(images));
  }

  /** Pictures (N, C, H, W) in [-1, 1], rounded to bytes as in saved pictures. */
  static Stream<Pixels> pictures(Tensor images) {
    return LongStream.range(0, images.size(0)).mapToObj(i -> pixels(images, i));
  }

  private static Pixels pixels(Tensor images, long index) {
    try (Scope scope = Scope.open()) {
      return Pictures.pixels(images.narrow(0, index, 1));
    }
  }
}

package dev.sfumato.data;

import dev.sfumato.data.Survey.Found;
import dev.sfumato.picture.Size;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;

/**
 * A survey in words.
 *
 * @param batchSize buckets with fewer pictures are named
 */
record SurveyLines(Survey survey, int batchSize) {
  private static final int FEW = 3;

  List<String> all() {
    List<String> lines = new ArrayList<>();
    if (!survey.pictures().isEmpty()) {
      lines.add(sizes());
    }
    if (!survey.cropped().isEmpty()) {
      lines.add(crops());
    }
    if (survey.buckets().isPresent()) {
      lines.add(buckets());
    }
    if (!survey.uncaptioned().isEmpty()) {
      lines.add("without a caption: " + some(survey.uncaptioned()));
    }
    if (!survey.copies().isEmpty()) {
      lines.add(
          "copies of one file: "
              + some(survey.copies().stream().map(group -> String.join(" = ", group)).toList()));
    }
    if (!survey.repeated().isEmpty()) {
      lines.add("named twice or more by the metadata: " + some(survey.repeated()));
    }
    if (!survey.leftOut().isEmpty()) {
      lines.add(
          "left out: "
              + some(survey.leftOut())
              + ", which are in formats that are not read, or links that lead nowhere");
    }
    if (!survey.unknown().isEmpty()) {
      lines.add("no header of a picture: " + some(survey.unknown()));
    }
    return lines;
  }

  private String sizes() {
    int taken = survey.pictures().stream().mapToInt(Found::repeats).sum();
    int count = survey.pictures().size();
    int enlarged = survey.enlarged().size();
    Size smallest = survey.smallest().orElseThrow().frame().original();
    Size largest = survey.largest().orElseThrow().frame().original();
    return String.format(
        Locale.ROOT,
        "%,d %s%s, %s pixels%s",
        count,
        count == 1 ? "picture" : "pictures",
        taken > count ? String.format(Locale.ROOT, ", %,d with repeats", taken) : "",
        smallest.equals(largest) ? smallest : "from " + smallest + " to " + largest,
        enlarged > 0
            ? String.format(
                Locale.ROOT,
                ", %d enlarged (%s most)",
                enlarged,
                survey.smallest().orElseThrow().name())
            : "");
  }

  private String crops() {
    List<Found> cropped = survey.cropped();
    double mean = cropped.stream().mapToDouble(p -> p.frame().cropped()).average().orElse(0);
    return String.format(
        Locale.ROOT,
        "%d cropped, by %.0f %% of their area on average and at most %.0f %% (%s)",
        cropped.size(),
        100 * mean,
        100 * cropped.get(0).frame().cropped(),
        cropped.get(0).name());
  }

  private String buckets() {
    Map<Size, Integer> sizes = survey.sizes();
    long small = sizes.values().stream().filter(count -> count < batchSize).count();
    return "buckets: "
        + some(sizes.entrySet().stream().map(e -> e.getKey() + ": " + e.getValue()).toList())
        + (small > 0
            ? String.format(
                Locale.ROOT,
                "; %d with fewer pictures than a batch of %d, which make shorter batches",
                small,
                batchSize)
            : "");
  }

  /** Returns the number of the items and the first of them. */
  static String some(List<String> items) {
    return items.size()
        + " ("
        + items.stream().limit(FEW).collect(Collectors.joining(", "))
        + (items.size() > FEW ? ", ..." : "")
        + ")";
  }
}

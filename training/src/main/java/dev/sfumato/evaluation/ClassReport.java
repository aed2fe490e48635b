package dev.sfumato.evaluation;

import com.fasterxml.jackson.annotation.JsonProperty;
import dev.sfumato.Printable;
import dev.sfumato.SfumatoException;
import dev.sfumato.data.DataOptions;
import dev.sfumato.data.Dataset;
import dev.sfumato.data.Datasets;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.stream.IntStream;

/**
 * How many pictures a classifier read as the class that was asked for.
 *
 * @param classes a row for each class that was asked for, by label
 */
public record ClassReport(List<Row> classes) {

  /**
   * One class.
   *
   * @param name of the class
   * @param asked how many pictures should show it
   * @param right how many of these were read as it
   * @param confusions what the others were read as, the most frequent first
   */
  public record Row(String name, int asked, int right, List<Confusion> confusions) {
    /** The share of the pictures that were read right, 0 to 1. */
    @JsonProperty("share")
    public double share() {
      return (double) right / asked;
    }
  }

  /**
   * A class that another was taken for.
   *
   * @param name of the class
   * @param count how often
   */
  public record Confusion(String name, int count) {}

  /**
   * Counts.
   *
   * @param classNames by label
   * @param asked the label that each picture should have
   * @param read the label that the classifier gave it
   */
  public static ClassReport of(List<String> classNames, int[] asked, int[] read) {
    if (asked.length != read.length) {
      throw new IllegalArgumentException(asked.length + " asked, " + read.length + " read");
    }
    int[][] counts = new int[classNames.size()][classNames.size()];
    for (int i = 0; i < asked.length; i++) {
      counts[asked[i]][read[i]]++;
    }
    List<Row> rows = new ArrayList<>();
    for (int label = 0; label < counts.length; label++) {
      int total = IntStream.of(counts[label]).sum();
      if (total > 0) {
        rows.add(row(classNames, label, total, counts[label]));
      }
    }
    return new ClassReport(List.copyOf(rows));
  }

  /**
   * Reads a folder whose subfolders are named after the classes, or MNIST-format files (the test
   * pictures where there are any). Pictures are scaled to what the classifier reads, and made gray
   * if need be.
   *
   * @param images what {@link Datasets#open} opens
   * @param split which of the pictures
   * @throws SfumatoException if the pictures have no classes, or one that the classifier does not
   *     know
   */
  public static ClassReport of(
      String images, DataOptions.Split split, PictureClassifier classifier) {
    DataOptions options =
        DataOptions.defaults()
            .withResolution(classifier.card().side())
            .withSplit(split)
            .withCenterCrop(true)
            .withChannels(
                classifier.card().channels() == 1
                    ? DataOptions.Channels.GRAY
                    : DataOptions.Channels.RGB);
    Dataset dataset = Datasets.open(images, options);
    List<String> known = classifier.card().classNames();
    if (dataset.classNames().isEmpty()) {
      throw new SfumatoException(
          images + ": `classes` needs subfolders named after the classes " + known);
    }
    for (String name : dataset.classNames()) {
      if (!known.contains(name)) {
        throw new SfumatoException(
            images + ": the classifier knows no class '" + name + "', only " + known);
      }
    }
    int[] asked =
        IntStream.range(0, dataset.size())
            .map(i -> known.indexOf(dataset.classNames().get(dataset.label(i))))
            .toArray();
    return of(known, asked, classifier.read(dataset));
  }

  private static Row row(List<String> classNames, int label, int asked, int[] read) {
    List<Confusion> confusions =
        IntStream.range(0, read.length)
            .filter(other -> other != label && read[other] > 0)
            .mapToObj(other -> new Confusion(classNames.get(other), read[other]))
            .sorted(Comparator.comparing(Confusion::count).reversed())
            .toList();
    return new Row(classNames.get(label), asked, read[label], confusions);
  }

  /** How many pictures there were. */
  @JsonProperty("asked")
  public int asked() {
    return classes.stream().mapToInt(Row::asked).sum();
  }

  /** How many of them were read right. */
  @JsonProperty("right")
  public int right() {
    return classes.stream().mapToInt(Row::right).sum();
  }

  /** The share of all pictures that were read right, 0 to 1. */
  @JsonProperty("share")
  public double share() {
    return (double) right() / asked();
  }

  /** A line for each class and one for all of them, under a heading. */
  public String table() {
    int width =
        classes.stream().mapToInt(row -> Printable.shortened(row.name()).length()).max().orElse(0);
    String format = "%-" + Math.max(width, 5) + "s  %6s  %10s  %8s  %s";
    List<String> lines = new ArrayList<>();
    lines.add(line(format, "class", "asked", "read right", "share", "most often misread as"));
    for (Row row : classes) {
      String confusion =
          row.confusions().stream()
              .findFirst()
              .map(c -> Printable.shortened(c.name()) + " (" + c.count() + ")")
              .orElse("");
      String name = Printable.shortened(row.name());
      lines.add(line(format, name, row.asked(), row.right(), percent(row.share()), confusion));
    }
    lines.add(line(format, "all", asked(), right(), percent(share()), ""));
    return String.join("\n", lines);
  }

  private static String line(String format, Object... cells) {
    return String.format(Locale.ROOT, format, cells).stripTrailing();
  }

  private static String percent(double share) {
    return String.format(Locale.ROOT, "%.2f %%", 100 * share);
  }
}

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
 * The share of pictures that a classifier reads as the requested class.
 *
 * @param classes a row for each requested class, by label
 */
public record ClassReport(List<Row> classes) {

  /**
   * One class.
   *
   * @param name of the class
   * @param asked the number of pictures that should show it
   * @param right the number of these that were read as it
   * @param confusions the classes as which the others were read, the most frequent first
   */
  public record Row(String name, int asked, int right, List<Confusion> confusions) {
    /** Returns the share of pictures read correctly, 0 to 1. */
    @JsonProperty("share")
    public double share() {
      return (double) right / asked;
    }
  }

  /**
   * A class for which another was mistaken.
   *
   * @param name of the class
   * @param count the number of times
   */
  public record Confusion(String name, int count) {}

  /**
   * Counts.
   *
   * @param classNames by label
   * @param asked the requested label of each picture
   * @param read the label that the classifier gave each picture
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
   * pictures, if there are any). Pictures are scaled to the classifier's size, and made gray if
   * necessary.
   *
   * @param images the name or path, in a form that {@link Datasets#open} accepts
   * @param split the split of the pictures
   * @throws SfumatoException if the pictures have no classes, or a class that the classifier does
   *     not know
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

  /** Returns the number of pictures. */
  @JsonProperty("asked")
  public int asked() {
    return classes.stream().mapToInt(Row::asked).sum();
  }

  /** Returns the number of pictures read correctly. */
  @JsonProperty("right")
  public int right() {
    return classes.stream().mapToInt(Row::right).sum();
  }

  /** Returns the share of all pictures read correctly, 0 to 1. */
  @JsonProperty("share")
  public double share() {
    return (double) right() / asked();
  }

  /** Returns a table with a line for each class and one for all of them. */
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

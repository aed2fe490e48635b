package dev.sfumato.studio;

import dev.sfumato.SfumatoException;
import dev.sfumato.data.DataOptions;
import dev.sfumato.data.Dataset;
import dev.sfumato.data.Datasets;
import dev.sfumato.hub.Hub;
import java.awt.image.BufferedImage;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Looks at what a data set holds: its size, classes, captions, bad files and some pictures. */
final class LookWork implements Job.Work {
  private static final int SHOWN = 48;
  private static final int SIDE = 64;
  private static final int BATCH = 4;

  private final String data;

  LookWork(String data) {
    this.data = data;
  }

  @Override
  public Map<String, Object> run(Job job) {
    job.interruptible();
    if (Datasets.ofHub(data)) {
      Datasets.download(
          data,
          Hub.fromEnvironment(),
          (done, all) -> job.message("downloading: " + done / 1_000_000 + " MB"));
    }
    job.message("looking at the files");
    DataOptions options = DataOptions.defaults().withResolution(SIDE).withCenterCrop(true);
    List<String> lines = new ArrayList<>(lines(options));
    Dataset dataset = open(options, lines);
    Map<String, Object> found = new LinkedHashMap<>();
    found.put("lines", lines);
    found.put("count", dataset.size());
    found.put("classes", classes(dataset));
    found.put("captions", dataset.captions().size());
    found.put("shown", shown(dataset));
    return found;
  }

  /** Returns the lines of the survey; data in MNIST's format have none. */
  private List<String> lines(DataOptions options) {
    try {
      return Datasets.survey(data, options).lines(BATCH);
    } catch (SfumatoException e) {
      return List.of(); // opening says what is wrong
    }
  }

  /** Opens the data; files that are not pictures become a line. */
  private Dataset open(DataOptions options, List<String> lines) {
    try {
      return Datasets.open(data, options);
    } catch (SfumatoException e) {
      Dataset rest = Datasets.open(data, options.withOnBadImage(DataOptions.OnBadImage.SKIP));
      lines.add(0, e.getMessage());
      return rest;
    }
  }

  private static List<Map<String, Object>> classes(Dataset dataset) {
    List<String> names = dataset.classNames();
    int[] counts = new int[names.size()];
    for (int i = 0; i < dataset.size() && counts.length > 0; i++) {
      counts[dataset.label(i)]++;
    }
    List<Map<String, Object>> classes = new ArrayList<>();
    for (int i = 0; i < counts.length; i++) {
      classes.add(Map.of("name", names.get(i), "count", counts[i]));
    }
    return classes;
  }

  /** Pictures from all parts of the data, with what is said of them. */
  private static List<Map<String, Object>> shown(Dataset dataset) {
    List<Map<String, Object>> shown = new ArrayList<>();
    int count = Math.min(SHOWN, dataset.size());
    for (int n = 0; n < count; n++) {
      int i = (int) ((long) n * dataset.size() / count);
      BufferedImage picture =
          dataset.pixels(i).centerCrop(dataset.height(), dataset.width()).toImage();
      String name =
          dataset.classNames().isEmpty() ? "" : dataset.classNames().get(dataset.label(i));
      String caption = dataset.captions().isEmpty() ? name : dataset.captions().get(i);
      shown.add(Map.of("picture", Page.address(picture), "text", caption));
    }
    return shown;
  }
}

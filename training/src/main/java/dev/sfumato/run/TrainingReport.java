package dev.sfumato.run;

import dev.sfumato.chart.HtmlReport;
import dev.sfumato.tracking.EpochReport;
import dev.sfumato.tracking.Outcome;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import javax.imageio.ImageIO;

/**
 * The page {@code report.html} of a run, which shows the content of its output directory.
 *
 * @param facts the facts of the run
 * @param outcome the end of the run
 * @param promptRows the rows of a model that draws texts
 */
record TrainingReport(RunFacts facts, Outcome outcome, Optional<PromptRows> promptRows) {
  private static final Pattern GRID = Pattern.compile("step-(\\d{1,18})\\.png");
  private static final int GRIDS = 8;
  private static final int EPOCHS = 40;

  void write(Path file) {
    List<HtmlReport.Section> sections = new ArrayList<>();
    sections.add(new HtmlReport.Lead(lead()));
    sections.add(new HtmlReport.Settings(facts.results()));
    sections.add(new HtmlReport.Heading("Loss"));
    sections.add(
        HtmlReport.Picture.chart(
            facts.output().resolve("loss.png"),
            "Loss over optimiser steps"
                + (facts.history().validation().isEmpty()
                    ? "."
                    : "; validation with the same noise each time"
                        + (facts.options().containsKey("class_prompt")
                            ? " and without class pictures."
                            : "."))));
    addSamples(sections);
    addEpochs(sections);
    addChanges(sections);
    addFacts(sections, "Time and memory", facts.cost());
    addFacts(sections, "Machine", facts.machine());
    addFacts(sections, "Model", facts.model());
    addFacts(sections, "Settings", facts.settings());
    new HtmlReport("Training run " + facts.name(), sections).write(file);
  }

  private String lead() {
    String done =
        String.format(
            Locale.ROOT,
            "%s of %s optimiser steps are done.",
            RunFacts.number(facts.history().steps().size()),
            RunFacts.number(facts.totalSteps()));
    return switch (outcome.state()) {
      case FINISHED -> done;
      case STOPPED -> done + " The run was stopped and can be resumed.";
      case FAILED -> done + " The run failed: " + outcome.reason();
    };
  }

  private static void addFacts(
      List<HtmlReport.Section> sections, String heading, Map<String, String> values) {
    if (!values.isEmpty()) {
      sections.add(new HtmlReport.Heading(heading));
      sections.add(new HtmlReport.Settings(values));
    }
  }

  private void addChanges(List<HtmlReport.Section> sections) {
    Map<String, String> changes = facts.learner().largestChanges();
    if (!changes.isEmpty()) {
      sections.add(new HtmlReport.Heading("Largest changes of the LoRA"));
      sections.add(
          new HtmlReport.Table(
              List.of("layer", "norm of its change"),
              changes.entrySet().stream().map(e -> List.of(e.getKey(), e.getValue())).toList()));
    }
  }

  private void addSamples(List<HtmlReport.Section> sections) {
    Map<String, Path> grids = new LinkedHashMap<>();
    Path without = facts.output().resolve(RunFiles.WITHOUT);
    if (Files.exists(without)) {
      grids.put("without the LoRA", without);
    }
    thinned(grids(facts.output().resolve("samples"), facts.history().steps().size()), GRIDS)
        .forEach(g -> grids.put("step " + RunFacts.number(stepOf(g)), g));
    grids.values().removeIf(file -> image(file).isEmpty());
    if (grids.isEmpty()) {
      return;
    }
    sections.add(new HtmlReport.Heading("Samples"));
    if (promptRows.isPresent()) {
      addRows(sections, grids);
      return;
    }
    sections.add(
        new HtmlReport.Paragraph("Each grid starts from the same noise as the one before it."));
    List<HtmlReport.Picture> shown = new ArrayList<>();
    grids.forEach((caption, file) -> shown.add(HtmlReport.Picture.read(file, caption)));
    sections.add(new HtmlReport.Gallery(shown));
  }

  /** Adds a row for each text; grids of another size are from before a resumption. */
  private void addRows(List<HtmlReport.Section> sections, Map<String, Path> grids) {
    Map<String, BufferedImage> pictures = new LinkedHashMap<>();
    grids.forEach((caption, file) -> pictures.put(caption, image(file).orElseThrow()));
    BufferedImage last = List.copyOf(pictures.values()).get(pictures.size() - 1);
    pictures.values().removeIf(g -> !sameSize(g, last));
    sections.add(
        new HtmlReport.Paragraph(
            "All pictures of a row start from the same noise. From left to right: "
                + String.join(", ", pictures.keySet())
                + "."));
    PromptRows rows = promptRows.orElseThrow();
    if (rows.completed()) {
      sections.add(
          new HtmlReport.Paragraph(
              "They are pictures of the data, of which a part is drawn anew: what is white in their"
                  + " masks, or the middle of those that have none."));
    }
    sections.add(new HtmlReport.Rows(rows.of(List.copyOf(pictures.values()))));
  }

  /** Reads a grid; empty if somebody damaged it, which must not end the run. */
  private static Optional<BufferedImage> image(Path grid) {
    try {
      return Optional.ofNullable(ImageIO.read(grid.toFile()));
    } catch (IOException e) {
      return Optional.empty();
    }
  }

  private static boolean sameSize(BufferedImage one, BufferedImage other) {
    return one.getWidth() == other.getWidth() && one.getHeight() == other.getHeight();
  }

  /** Returns the grids up to a step; a run resumed from an earlier step leaves later ones. */
  static List<Path> grids(Path folder, long last) {
    return OutputDirectory.list(folder).stream()
        .filter(file -> GRID.matcher(file.getFileName().toString()).matches())
        .filter(file -> stepOf(file) <= last)
        .sorted(Comparator.comparingLong(TrainingReport::stepOf))
        .toList();
  }

  private static long stepOf(Path grid) {
    Matcher matcher = GRID.matcher(grid.getFileName().toString());
    return matcher.matches() ? Long.parseLong(matcher.group(1)) : -1;
  }

  private void addEpochs(List<HtmlReport.Section> sections) {
    List<EpochReport> epochs = thinned(facts.history().epochs(), EPOCHS);
    if (epochs.isEmpty()) {
      return;
    }
    sections.add(new HtmlReport.Heading("Epochs"));
    sections.add(
        new HtmlReport.Table(
            List.of("epoch", "last step", "pictures", "mean loss", "validation loss", "time"),
            epochs.stream().map(TrainingReport::row).toList()));
  }

  private static List<String> row(EpochReport epoch) {
    return List.of(
        RunFacts.number(epoch.epoch() + 1),
        RunFacts.number(epoch.step()),
        RunFacts.number(epoch.images()),
        RunFacts.loss(epoch.loss()),
        epoch.validationLoss().isPresent()
            ? RunFacts.loss(epoch.validationLoss().getAsDouble())
            : "",
        RunFacts.duration(epoch.seconds()));
  }

  /** Returns at most {@code most} entries: the first, the last, and evenly spaced ones between. */
  private static <T> List<T> thinned(List<T> all, int most) {
    return all.size() <= most
        ? all
        : IntStream.range(0, most)
            .mapToObj(i -> all.get((int) Math.round(i * (all.size() - 1.0) / (most - 1))))
            .toList();
  }
}

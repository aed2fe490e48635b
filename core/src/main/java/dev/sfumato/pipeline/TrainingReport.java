package dev.sfumato.pipeline;

import com.fasterxml.jackson.databind.JsonNode;
import dev.sfumato.SfumatoException;
import dev.sfumato.chart.HtmlReport;
import dev.sfumato.io.AtomicFile;
import dev.sfumato.io.JsonFile;
import dev.sfumato.model.Denoiser;
import dev.sfumato.tensor.Tensor;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/**
 * The page {@code report.html} of a run: what is in its output directory, for people.
 *
 * @param output where the run's files are
 * @param denoiser the network
 * @param history the losses
 * @param totalSteps optimiser steps of the whole run
 */
record TrainingReport(
    OutputDirectory output, Denoiser denoiser, LossHistory history, long totalSteps) {
  private static final int GRIDS = 3;
  private static final Path MEMORY = Path.of("/proc/self/status");

  void write() {
    List<HtmlReport.Section> sections = new ArrayList<>();
    sections.add(
        new HtmlReport.Lead(
            String.format(
                "%,d of %,d optimiser steps are done.", history.training().size(), totalSteps)));
    sections.add(new HtmlReport.Settings(results()));
    sections.add(new HtmlReport.Heading("Loss"));
    sections.add(HtmlReport.Picture.read(output.resolve("loss.png"), "Loss over optimiser steps."));
    List<Path> grids = grids();
    if (!grids.isEmpty()) {
      sections.add(new HtmlReport.Heading("Samples"));
      grids.forEach(
          grid -> sections.add(HtmlReport.Picture.read(grid, grid.getFileName().toString())));
    }
    Path config = output.resolve("config.json");
    if (Files.exists(config)) {
      Map<String, String> settings = new LinkedHashMap<>();
      JsonFile.read(config, JsonNode.class)
          .properties()
          .forEach(e -> settings.put(e.getKey(), e.getValue().asText(e.getValue().toString())));
      sections.add(new HtmlReport.Heading("Settings"));
      sections.add(new HtmlReport.Settings(settings));
    }
    new HtmlReport("Training run " + output.resolve("").toAbsolutePath().getFileName(), sections)
        .write(output.resolve("report.html"));
  }

  private Map<String, String> results() {
    Map<String, String> results = new LinkedHashMap<>();
    if (!history.training().isEmpty()) {
      results.put("loss, mean of the last 100 steps", String.format("%.5f", history.recent()));
    }
    if (!history.validation().isEmpty()) {
      double loss = history.validation().get(history.validation().size() - 1).loss();
      results.put("loss with fixed noise", String.format("%.5f", loss));
    }
    List<String[]> rows = rows(output.resolve("metrics.csv"));
    if (!rows.isEmpty()) {
      long images = Long.parseLong(rows.get(rows.size() - 1)[2]);
      double seconds = rows.stream().mapToDouble(row -> Double.parseDouble(row[6])).sum();
      results.put("pictures seen", String.format("%,d", images));
      results.put("time of the steps", String.format("%,.0f s", seconds));
      results.put("pictures per second", String.format("%,.1f", images / seconds));
    }
    long parameters = denoiser.parameters().values().stream().mapToLong(Tensor::numel).sum();
    results.put("parameters", String.format("%,d", parameters));
    peakMemory(results);
    results.put("Java", Runtime.version().toString());
    return results;
  }

  private List<Path> grids() {
    Path folder = output.resolve("samples");
    if (!Files.isDirectory(folder)) {
      return List.of();
    }
    try (Stream<Path> files = Files.list(folder)) {
      List<Path> sorted =
          files
              .filter(file -> file.getFileName().toString().matches("step-\\d+\\.png"))
              .sorted()
              .toList();
      return sorted.subList(Math.max(0, sorted.size() - GRIDS), sorted.size());
    } catch (IOException e) {
      throw new SfumatoException(folder + ": cannot be listed: " + AtomicFile.reason(e), e);
    }
  }

  private static List<String[]> rows(Path csv) {
    try (Stream<String> lines = Files.lines(csv)) {
      return lines.skip(1).map(line -> line.split(",")).toList();
    } catch (IOException e) {
      throw new SfumatoException(csv + ": cannot be read: " + AtomicFile.reason(e), e);
    }
  }

  /** Linux counts it; elsewhere the row is left out. */
  private static void peakMemory(Map<String, String> results) {
    try (Stream<String> lines = Files.lines(MEMORY)) {
      lines
          .filter(line -> line.startsWith("VmHWM:"))
          .mapToLong(line -> Long.parseLong(line.replaceAll("\\D", "")))
          .forEach(
              kb -> results.put("peak of resident memory", String.format("%,d MiB", kb / 1024)));
    } catch (IOException e) {
      results.remove("peak of resident memory");
    }
  }
}

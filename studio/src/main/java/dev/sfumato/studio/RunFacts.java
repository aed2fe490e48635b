package dev.sfumato.studio;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.sfumato.SfumatoException;
import dev.sfumato.io.AtomicFile;
import dev.sfumato.io.JsonFile;
import dev.sfumato.run.OutputDirectory;
import dev.sfumato.training.MetricsFile;
import dev.sfumato.training.StepReport;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/** Reads the files of a training run for the page. */
final class RunFacts {
  private static final Pattern SAMPLE = Pattern.compile("step-(\\d{6,18})\\.png");
  private static final int POINTS = 1000;
  private static final int RECENT = 50;
  private static final Duration QUIET = Duration.ofSeconds(30);

  private final Path output;

  RunFacts(Path output) {
    this.output = output;
  }

  /** Returns a line of the list of runs. */
  Map<String, Object> summary() {
    Map<String, Object> facts = new LinkedHashMap<>();
    facts.put("name", output.toString());
    facts.put("updated", updated().toEpochMilli());
    facts.put("alive", updated().isAfter(Instant.now().minus(QUIET)));
    return facts;
  }

  private Instant updated() {
    Path metrics = output.resolve("metrics.csv");
    try {
      return Files.getLastModifiedTime(metrics).toInstant();
    } catch (IOException e) {
      throw new SfumatoException(metrics + ": cannot be read: " + AtomicFile.reason(e), e);
    }
  }

  /**
   * Returns everything that the page shows of the run.
   *
   * @throws SfumatoException naming the file that is damaged
   */
  Map<String, Object> all() {
    List<StepReport> steps = MetricsFile.steps(output.resolve("metrics.csv"), Long.MAX_VALUE);
    ObjectNode settings = settings();
    Map<String, Object> facts = summary();
    facts.put("settings", settings);
    facts.put("losses", thinned(steps));
    facts.put("validation", validation());
    facts.put("samples", samples());
    facts.put("resumes", OutputDirectory.hasCheckpoint(output) && form() != null);
    facts.put("step", steps.isEmpty() ? 0 : steps.get(steps.size() - 1).step());
    facts.put("steps", settings.path("max_steps").asLong());
    List<StepReport> recent = steps.subList(Math.max(0, steps.size() - RECENT), steps.size());
    facts.put(
        "seconds_per_step", recent.stream().mapToDouble(StepReport::seconds).average().orElse(0));
    if (recent.size() > 1) {
      double seconds = recent.stream().skip(1).mapToDouble(StepReport::seconds).sum();
      long images = recent.get(recent.size() - 1).images() - recent.get(0).images();
      facts.put("pictures_per_second", images / Math.max(1e-9, seconds));
    }
    return facts;
  }

  private ObjectNode settings() {
    Path file = output.resolve("config.json");
    return Files.exists(file)
        ? JsonFile.read(file, ObjectNode.class)
        : JsonFile.MAPPER.createObjectNode();
  }

  /** Returns the form that the run was started with, or null if the studio did not start it. */
  Fitting form() {
    JsonNode note = settings().get(FittingWork.NOTE);
    return note == null ? null : JsonFile.MAPPER.convertValue(note, Fitting.class);
  }

  /** The losses by step; of a long run the means of neighbours. */
  private static List<List<Number>> thinned(List<StepReport> steps) {
    int every = Math.max(1, (steps.size() + POINTS - 1) / POINTS);
    return IntStream.range(0, (steps.size() + every - 1) / every)
        .mapToObj(i -> steps.subList(i * every, Math.min(steps.size(), (i + 1) * every)))
        .map(
            part ->
                List.<Number>of(
                    part.get(part.size() - 1).step(),
                    part.stream().mapToDouble(StepReport::loss).average().orElseThrow()))
        .toList();
  }

  private List<List<Number>> validation() {
    return MetricsFile.validationLosses(output.resolve("validation.csv"), Long.MAX_VALUE)
        .entrySet()
        .stream()
        .map(point -> List.<Number>of(point.getKey(), point.getValue()))
        .toList();
  }

  private List<String> samples() {
    Path folder = output.resolve("samples");
    if (!Files.isDirectory(folder)) {
      return List.of();
    }
    try (Stream<Path> files = Files.list(folder)) {
      return files
          .map(file -> SAMPLE.matcher(file.getFileName().toString()))
          .filter(Matcher::matches)
          .map(name -> name.group(1))
          .sorted(Comparator.comparingLong(Long::parseLong))
          .toList();
    } catch (IOException e) {
      throw new SfumatoException(folder + ": cannot be read: " + AtomicFile.reason(e), e);
    }
  }

  /**
   * Returns the grid of samples of a step.
   *
   * @throws SfumatoException if there is none
   */
  Path sample(String step) {
    if (!samples().contains(step)) {
      throw new SfumatoException("the run has no samples of this step");
    }
    return output.resolve("samples").resolve("step-" + step + ".png");
  }
}

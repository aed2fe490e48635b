package dev.sfumato.examples;

import dev.sfumato.pipeline.DiffusionPipeline;
import dev.sfumato.sampling.Sampler;
import dev.sfumato.sampling.SamplingOptions;
import dev.sfumato.sampling.TextOptions;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.stream.IntStream;

/** Measures how often a text-to-image model draws the face it was asked for: MODEL COUNT DATA... */
public final class MeasureFaces {
  private static final int BATCH = 50;
  private static final List<Double> SCALES = List.of(1.0, 3.0, 5.0);

  private MeasureFaces() {}

  /**
   * Trains a classifier for each attribute on real pictures, then draws {@code COUNT} held-out
   * captions with several guidance scales and reads the pictures.
   */
  public static void main(String[] args) {
    try (FaceReaders readers =
            new FaceReaders(List.of(args).subList(2, args.length), Optional.empty());
        DiffusionPipeline model = DiffusionPipeline.load(args[0])) {
      List<String> captions =
          spread(readers.captions(Integer.MAX_VALUE), Integer.parseInt(args[1]));
      for (double scale : SCALES) {
        report(model, captions, scale, readers);
      }
    }
  }

  /** Returns {@code count} of all captions, evenly spread, so that no file is left out. */
  private static List<String> spread(List<String> all, int count) {
    int chosen = Math.min(count, all.size());
    return IntStream.range(0, chosen).mapToObj(i -> all.get(i * all.size() / chosen)).toList();
  }

  private static void report(
      DiffusionPipeline model, List<String> captions, double scale, FaceReaders readers) {
    Map<String, List<Boolean>> right = new LinkedHashMap<>();
    for (int from = 0; from < captions.size(); from += BATCH) {
      List<String> asked = captions.subList(from, Math.min(from + BATCH, captions.size()));
      try (Scope scope = Scope.open()) {
        Tensor drawn =
            model.sample(
                SamplingOptions.defaults()
                    .withText(TextOptions.NONE.withPrompts(asked).withGuidanceScale(scale))
                    .withCount(asked.size())
                    .withSteps(25)
                    .withSeed(from),
                Sampler.Listener.NONE);
        readers
            .read(drawn, asked)
            .forEach(
                (name, answers) ->
                    right.computeIfAbsent(name, x -> new ArrayList<>()).addAll(answers));
      }
    }
    right.forEach(
        (name, answers) ->
            System.out.printf(
                Locale.ROOT,
                "guidance scale %.0f  %-10s %5.1f %% of %d as asked%n",
                scale,
                name,
                FaceReaders.percent(answers),
                answers.size()));
  }
}

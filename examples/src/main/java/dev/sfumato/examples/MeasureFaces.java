package dev.sfumato.examples;

import dev.sfumato.data.Dataset;
import dev.sfumato.evaluation.ClassifierTraining;
import dev.sfumato.evaluation.PictureClassifier;
import dev.sfumato.picture.Pixels;
import dev.sfumato.pipeline.DiffusionPipeline;
import dev.sfumato.sampling.Sampler;
import dev.sfumato.sampling.SamplingOptions;
import dev.sfumato.sampling.TextOptions;
import dev.sfumato.tensor.Device;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.TreeSet;
import java.util.function.UnaryOperator;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Measures how often a text-to-image model draws the face it was asked for: MODEL COUNT DATA... */
public final class MeasureFaces {
  private static final int SIDE = 64;
  private static final int EPOCHS = 4;
  private static final int BATCH = 50;
  private static final List<Double> SCALES = List.of(1.0, 3.0, 5.0);

  /** Questions, and the answer that a caption gives to each: null if it gives none. */
  private static final Map<String, UnaryOperator<String>> ATTRIBUTES = new LinkedHashMap<>();

  static {
    ATTRIBUTES.put("background", caption -> first("(\\w+) background", caption));
    ATTRIBUTES.put(
        "hair",
        caption ->
            caption.contains(" bald ")
                ? "bald"
                : first("\\b(?!the )(\\w+) (?:hair|mohawk|bob)\\b", caption));
    ATTRIBUTES.put("glasses", caption -> caption.contains("glasses") ? "yes" : "no");
  }

  private MeasureFaces() {}

  private static String first(String pattern, String caption) {
    Matcher found = Pattern.compile(pattern).matcher(caption);
    return found.find() ? found.group(1) : null;
  }

  /**
   * Trains a classifier for each attribute on real pictures, then draws the first {@code COUNT}
   * held-out captions with several guidance scales and reads the pictures.
   */
  public static void main(String[] args) {
    CaptionedPictures all =
        CaptionedPictures.read(List.of(args).subList(2, args.length), SIDE)
            .where(
                caption -> caption.contains("pixel art face") || caption.contains("cartoon face"));
    Map<String, PictureClassifier> readers = new LinkedHashMap<>();
    ATTRIBUTES.forEach(
        (name, answer) -> {
          PictureClassifier reader =
              new ClassifierTraining(
                      Answers.of(all.training(2), answer),
                      Answers.of(all.heldOut(2), answer),
                      EPOCHS,
                      0)
                  .run(Device.CPU, "MeasureFaces", (step, loss) -> {});
          System.out.printf(Locale.ROOT, "%s: the classifier %s%n", name, reader.card().summary());
          readers.put(name, reader);
        });
    List<String> captions =
        all.heldOut(2).captions().stream().distinct().limit(Integer.parseInt(args[1])).toList();
    try (DiffusionPipeline model = DiffusionPipeline.load(args[0])) {
      for (double scale : SCALES) {
        report(model, captions, scale, readers);
      }
    }
    readers.values().forEach(PictureClassifier::close);
  }

  private static void report(
      DiffusionPipeline model,
      List<String> captions,
      double scale,
      Map<String, PictureClassifier> readers) {
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
        readers.forEach(
            (name, reader) -> {
              List<String> classes = reader.card().classNames();
              int[] read = reader.read(drawn);
              for (int i = 0; i < read.length; i++) {
                String wanted = ATTRIBUTES.get(name).apply(asked.get(i));
                if (wanted != null) {
                  right
                      .computeIfAbsent(name, x -> new ArrayList<>())
                      .add(wanted.equals(classes.get(read[i])));
                }
              }
            });
      }
    }
    right.forEach(
        (name, answers) ->
            System.out.printf(
                Locale.ROOT,
                "guidance scale %.0f  %-10s %5.1f %% of %d as asked%n",
                scale,
                name,
                100.0 * answers.stream().filter(is -> is).count() / answers.size(),
                answers.size()));
  }

  /** Pictures with the answers to one question as classes. */
  private record Answers(CaptionedPictures pictures, List<String> classNames, List<String> answers)
      implements Dataset {

    static Answers of(CaptionedPictures all, UnaryOperator<String> answer) {
      CaptionedPictures asked = all.where(caption -> answer.apply(caption) != null);
      List<String> answers =
          asked.captions().stream().map(answer).filter(Objects::nonNull).toList();
      return new Answers(asked, List.copyOf(new TreeSet<>(answers)), answers);
    }

    @Override
    public int size() {
      return answers.size();
    }

    @Override
    public int channels() {
      return pictures.channels();
    }

    @Override
    public int height() {
      return SIDE;
    }

    @Override
    public int width() {
      return SIDE;
    }

    @Override
    public int label(int index) {
      return classNames.indexOf(answers.get(index));
    }

    @Override
    public Pixels pixels(int index) {
      return pictures.pixels(index);
    }
  }
}

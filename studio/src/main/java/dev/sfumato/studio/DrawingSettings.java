package dev.sfumato.studio;

import dev.sfumato.SfumatoException;
import dev.sfumato.guidance.GradientMode;
import dev.sfumato.guidance.Guidance;
import dev.sfumato.pipeline.LoadingOptions;
import dev.sfumato.sampling.PromptSyntax;
import dev.sfumato.sampling.SamplingOptions;
import dev.sfumato.sampling.TextOptions;
import dev.sfumato.scheduler.RunOptions;
import dev.sfumato.scheduler.SchedulerKind;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.BiFunction;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;

/**
 * The settings of a drawing: one table, from which it is drawn, written as a command, and written
 * as a Java program. All three draw the same pictures because a row says all three.
 */
final class DrawingSettings {
  /**
   * A row.
   *
   * @param <T> the options that it changes
   * @param words of the command
   * @param java the call that changes the options
   * @param change the same call
   */
  record Row<T>(List<String> words, String java, UnaryOperator<T> change) {}

  private final Drawing drawing;
  private final GuideRows guides;
  private final List<Row<LoadingOptions>> loading = new ArrayList<>();
  private final List<Row<SamplingOptions>> rows = new ArrayList<>();

  /**
   * Makes the table.
   *
   * @throws SfumatoException if a value is wrong, or the page may not use a file
   */
  DrawingSettings(Drawing drawing, Folders folders, Uploads uploads, LoadedModel model) {
    this.drawing = drawing;
    this.guides = new GuideRows(folders, uploads, model);
    folders.require(drawing.model());
    drawing.loras().forEach(lora -> addLora(lora, folders));
    for (String word : drawing.words()) {
      Path file = folders.requireFile(word);
      add(
          loading,
          file,
          "--textual-inversion",
          "withTextualInversion",
          LoadingOptions::withTextualInversion);
    }
    add(rows, drawing.count(), "--count", "withCount", SamplingOptions::withCount);
    add(rows, drawing.seed(), "--seed", "withSeed", SamplingOptions::withSeed);
    addRun();
    addConditions();
    addPicture(uploads);
    if (!drawing.guides().isEmpty()) {
      addGradient();
    }
    drawing.guides().forEach(guide -> rows.add(guides.of(guide)));
  }

  private void add(List<String> words, String java, UnaryOperator<SamplingOptions> change) {
    rows.add(new Row<>(words, java, change));
  }

  /** Adds a row for a value, unless it is null. */
  private static <T, V> void add(
      List<Row<T>> rows, V value, String option, String call, BiFunction<T, V, T> change) {
    if (value != null) {
      rows.add(
          new Row<>(
              List.of(option, value.toString()),
              "." + call + "(" + JavaText.of(value) + ")",
              options -> change.apply(options, value)));
    }
  }

  private void addLora(Drawing.Lora lora, Folders folders) {
    Path file = folders.requireFile(lora.path());
    double scale = lora.scale();
    loading.add(
        new Row<>(
            List.of("--lora", file + ":" + scale),
            ".withLora(" + JavaText.of(file) + ", " + scale + ")",
            o -> o.withLora(file, scale)));
  }

  private void addRun() {
    add(rows, drawing.steps(), "--steps", "withSteps", SamplingOptions::withSteps);
    if (drawing.scheduler() != null) {
      SchedulerKind kind = SchedulerKind.parse(drawing.scheduler());
      add(rows, kind, "--scheduler", "withScheduler", SamplingOptions::withScheduler);
    }
    if (drawing.eta() != null) {
      double eta = drawing.eta();
      add(
          List.of("--eta", "" + eta),
          ".withRun(RunOptions.defaults().withEta(" + eta + "))",
          o -> o.withRun(RunOptions.defaults().withEta(eta)));
    }
    add(rows, drawing.height(), "--height", "withHeight", SamplingOptions::withHeight);
    add(rows, drawing.width(), "--width", "withWidth", SamplingOptions::withWidth);
  }

  private void addConditions() {
    if (!drawing.classes().isEmpty()) {
      String[] classes = drawing.classes().toArray(String[]::new);
      String literals = String.join(", ", drawing.classes().stream().map(JavaText::of).toList());
      add(
          List.of("--class", String.join(",", classes)),
          ".withClasses(" + literals + ")",
          o -> o.withClasses(classes));
    }
    if (drawing.prompt() != null) {
      addText();
    } else {
      add(
          rows,
          drawing.guidanceScale(),
          "--class-guidance-scale",
          "withGuidanceScale",
          SamplingOptions::withGuidanceScale);
    }
  }

  private void addText() {
    List<Row<TextOptions>> parts = new ArrayList<>();
    add(
        parts,
        drawing.negativePrompt(),
        "--negative-prompt",
        "withNegative",
        TextOptions::withNegative);
    add(
        parts,
        drawing.guidanceScale(),
        "--guidance-scale",
        "withGuidanceScale",
        TextOptions::withGuidanceScale);
    add(parts, drawing.clipSkip(), "--clip-skip", "withClipSkip", TextOptions::withClipSkip);
    if (drawing.promptSyntax() != null) {
      PromptSyntax syntax = syntax(drawing.promptSyntax());
      add(parts, syntax, "--prompt-syntax", "withSyntax", TextOptions::withSyntax);
    }
    List<String> words = new ArrayList<>(List.of("--prompt", drawing.prompt()));
    StringBuilder java = new StringBuilder("TextOptions.of(" + JavaText.of(drawing.prompt()) + ")");
    for (Row<TextOptions> part : parts) {
      words.addAll(part.words());
      java.append(part.java());
    }
    TextOptions text = applied(parts, TextOptions.of(drawing.prompt()));
    add(words, ".withText(" + java + ")", o -> o.withText(text));
  }

  private static PromptSyntax syntax(String name) {
    return Arrays.stream(PromptSyntax.values())
        .filter(syntax -> syntax.toString().equals(name))
        .findFirst()
        .orElseThrow(() -> new SfumatoException("prompt syntax '" + name + "' is unknown"));
  }

  private void addPicture(Uploads uploads) {
    if (drawing.picture() == null) {
      return;
    }
    Path picture = uploads.file(drawing.picture());
    if (drawing.mask() == null) {
      add(rows, picture, "--init-image", "withPicture", SamplingOptions::withPicture);
    } else {
      Path mask = uploads.file(drawing.mask());
      add(
          List.of("--init-image", "" + picture, "--mask", "" + mask),
          ".withInpainting(" + JavaText.of(picture) + ", " + JavaText.of(mask) + ")",
          o -> o.withInpainting(picture, mask));
    }
    add(rows, drawing.strength(), "--strength", "withStrength", SamplingOptions::withStrength);
  }

  /** Returns the calls that load the classifiers {@code classifier0}, {@code classifier1}, ... */
  List<String> javaOfClassifiers() {
    return guides.classifiers();
  }

  /** Says the way of the gradient, before the first guide. */
  private void addGradient() {
    if ("exact".equals(drawing.gradient())) {
      add(
          List.of("--gradient", "exact"),
          ".withGuidance(Guidance.of(List.of(), GradientMode.EXACT))",
          o -> o.withGuidance(Guidance.of(List.of(), GradientMode.EXACT)));
    }
  }

  /** Returns the rows of the command, in its order. */
  List<List<String>> words() {
    return Stream.concat(loading.stream(), rows.stream()).<List<String>>map(Row::words).toList();
  }

  /** Returns the calls on {@link LoadingOptions#DEFAULT}. */
  List<String> javaOfLoading() {
    return loading.stream().map(Row::java).toList();
  }

  /** Returns the calls on {@link SamplingOptions#defaults}. */
  List<String> javaOfSampling() {
    return rows.stream().map(Row::java).toList();
  }

  /** Returns the options that load the model. */
  LoadingOptions loading() {
    return applied(loading, LoadingOptions.DEFAULT);
  }

  /** Returns the options that draw, after the model is loaded. */
  SamplingOptions options() {
    return applied(rows, SamplingOptions.defaults());
  }

  private static <T> T applied(List<Row<T>> rows, T start) {
    T options = start;
    for (Row<T> row : rows) {
      options = row.change().apply(options);
    }
    return options;
  }
}

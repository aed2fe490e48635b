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
    drawing.words().forEach(word -> addWord(folders.requireFile(word)));
    long seed = drawing.seed();
    int count = drawing.count();
    add(List.of("--count", "" + count), ".withCount(" + count + ")", o -> o.withCount(count));
    add(
        List.of("--seed", "" + seed),
        ".withSeed(" + seed + (seed == (int) seed ? ")" : "L)"),
        o -> o.withSeed(seed));
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

  private void addWord(Path file) {
    loading.add(
        new Row<>(
            List.of("--textual-inversion", file.toString()),
            ".withTextualInversion(" + JavaText.path(file) + ")",
            o -> o.withTextualInversion(file)));
  }

  private void addLora(Drawing.Lora lora, Folders folders) {
    Path file = folders.requireFile(lora.path());
    double scale = lora.scale();
    loading.add(
        new Row<>(
            List.of("--lora", file + ":" + scale),
            ".withLora(" + JavaText.path(file) + ", " + scale + ")",
            o -> o.withLora(file, scale)));
  }

  private void addRun() {
    if (drawing.steps() != null) {
      int steps = drawing.steps();
      add(List.of("--steps", "" + steps), ".withSteps(" + steps + ")", o -> o.withSteps(steps));
    }
    if (drawing.scheduler() != null) {
      SchedulerKind kind = SchedulerKind.parse(drawing.scheduler());
      add(
          List.of("--scheduler", kind.toString()),
          ".withScheduler(SchedulerKind." + kind.name() + ")",
          o -> o.withScheduler(kind));
    }
    if (drawing.eta() != null) {
      double eta = drawing.eta();
      add(
          List.of("--eta", "" + eta),
          ".withRun(RunOptions.defaults().withEta(" + eta + "))",
          o -> o.withRun(RunOptions.defaults().withEta(eta)));
    }
    if (drawing.height() != null) {
      int height = drawing.height();
      add(
          List.of("--height", "" + height),
          ".withHeight(" + height + ")",
          o -> o.withHeight(height));
    }
    if (drawing.width() != null) {
      int width = drawing.width();
      add(List.of("--width", "" + width), ".withWidth(" + width + ")", o -> o.withWidth(width));
    }
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
    } else if (drawing.guidanceScale() != null) {
      double scale = drawing.guidanceScale();
      add(
          List.of("--class-guidance-scale", "" + scale),
          ".withGuidanceScale(" + scale + ")",
          o -> o.withGuidanceScale(scale));
    }
  }

  private void addText() {
    List<String> words = new ArrayList<>(List.of("--prompt", drawing.prompt()));
    TextOptions text = TextOptions.of(drawing.prompt());
    StringBuilder java = new StringBuilder("TextOptions.of(" + JavaText.of(drawing.prompt()) + ")");
    if (drawing.negativePrompt() != null) {
      words.addAll(List.of("--negative-prompt", drawing.negativePrompt()));
      text = text.withNegative(drawing.negativePrompt());
      java.append(".withNegative(").append(JavaText.of(drawing.negativePrompt())).append(")");
    }
    if (drawing.guidanceScale() != null) {
      words.addAll(List.of("--guidance-scale", "" + drawing.guidanceScale()));
      text = text.withGuidanceScale(drawing.guidanceScale());
      java.append(".withGuidanceScale(").append(drawing.guidanceScale()).append(")");
    }
    if (drawing.clipSkip() != null) {
      words.addAll(List.of("--clip-skip", "" + drawing.clipSkip()));
      text = text.withClipSkip(drawing.clipSkip());
      java.append(".withClipSkip(").append(drawing.clipSkip()).append(")");
    }
    if (drawing.promptSyntax() != null) {
      PromptSyntax syntax = syntax(drawing.promptSyntax());
      words.addAll(List.of("--prompt-syntax", syntax.toString()));
      text = text.withSyntax(syntax);
      java.append(".withSyntax(PromptSyntax.").append(syntax.name()).append(")");
    }
    TextOptions whole = text;
    add(words, ".withText(" + java + ")", o -> o.withText(whole));
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
      add(
          List.of("--init-image", "" + picture),
          ".withPicture(" + JavaText.path(picture) + ")",
          o -> o.withPicture(picture));
    } else {
      Path mask = uploads.file(drawing.mask());
      add(
          List.of("--init-image", "" + picture, "--mask", "" + mask),
          ".withInpainting(" + JavaText.path(picture) + ", " + JavaText.path(mask) + ")",
          o -> o.withInpainting(picture, mask));
    }
    if (drawing.strength() != null) {
      double strength = drawing.strength();
      add(
          List.of("--strength", "" + strength),
          ".withStrength(" + strength + ")",
          o -> o.withStrength(strength));
    }
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

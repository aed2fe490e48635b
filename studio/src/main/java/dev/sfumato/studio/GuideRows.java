package dev.sfumato.studio;

import dev.sfumato.SfumatoException;
import dev.sfumato.guidance.GuideSpec;
import dev.sfumato.sampling.SamplingOptions;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** Makes the rows of a drawing's guides. */
final class GuideRows {
  private static final Set<String> SCHEDULES =
      Set.of(
          "constant", "sqrt_one_minus_alpha_cumprod", "sigma_squared", "linear_up", "linear_down");

  /** The kinds of guides that need no file and no model but those of the studio. */
  private static final Set<String> KINDS =
      Set.of(
          "color",
          "clip",
          "clip-image",
          "class",
          "brightness",
          "contrast",
          "saturation",
          "symmetry",
          "reference",
          "tv",
          "range",
          "oversaturation");

  private final Folders folders;
  private final Uploads uploads;
  private final LoadedModel model;
  private final List<String> classifiers = new ArrayList<>();

  GuideRows(Folders folders, Uploads uploads, LoadedModel model) {
    this.folders = folders;
    this.uploads = uploads;
    this.model = model;
  }

  /** Returns the calls that load the classifiers of the rows so far. */
  List<String> classifiers() {
    return List.copyOf(classifiers);
  }

  /**
   * Returns the row of a guide.
   *
   * @throws SfumatoException if a value is wrong, or the page may not use a file
   */
  DrawingSettings.Row<SamplingOptions> of(Drawing.Guide guide) {
    if (!KINDS.contains(guide.kind())) {
      throw new SfumatoException("the studio has no guide '" + guide.kind() + "'");
    }
    Map<String, Object> options = new LinkedHashMap<>(guide.options());
    if (!SCHEDULES.contains(options.getOrDefault("schedule", "constant").toString())) {
      throw new SfumatoException("schedule '" + options.get("schedule") + "' is unknown");
    }
    if (options.containsKey("clip")) {
      folders.require(options.get("clip").toString());
    }
    boolean classifies = guide.kind().equals("class");
    Object classifier = classifies ? options.remove("classifier") : null;
    String value = guide.showsPicture() ? "" + uploads.file(guide.value()) : guide.value();
    String text = value.isEmpty() ? guide.kind() : guide.kind() + "=" + value;
    GuideSpec spec = GuideSpec.parse(text);
    List<String> words = new ArrayList<>(List.of("--guide", text));
    StringBuilder java = new StringBuilder("GuideSpec.parse(" + JavaText.of(text) + ")");
    for (Map.Entry<String, Object> option : options.entrySet()) {
      spec = spec.with(option.getKey(), option.getValue());
      words.addAll(List.of("--" + option.getKey(), option.getValue().toString()));
      java.append(".with(").append(JavaText.of(option.getKey())).append(", ");
      java.append(JavaText.of(option.getValue())).append(")");
    }
    GuideSpec whole = classifies ? spec : spec.requireComplete();
    String path = classifier == null ? "" : classifier.toString();
    if (classifies) {
      sayClassifier(path, words, java);
    }
    return new DrawingSettings.Row<>(
        words,
        ".withGuide(" + java + ")",
        o ->
            o.withGuide(classifies ? model.classify(whole, path) : model.complete(whole, options)));
  }

  /** Says the classifier of a guide; the built-in one is the command's default. */
  private void sayClassifier(String path, List<String> words, StringBuilder java) {
    String made = "PictureClassifier.digits()";
    if (!path.isEmpty()) {
      Path folder = folders.requireFolder(path);
      words.addAll(List.of("--classifier", path));
      made = "PictureClassifier.load(" + JavaText.of(folder) + ")";
    }
    String name = "classifier" + classifiers.size();
    classifiers.add(made);
    java.append(".withClassifier(").append(name).append("::logits, ");
    java.append(name).append("::labels)");
  }
}

package dev.sfumato.run;

import dev.sfumato.io.JsonFile;
import dev.sfumato.pipeline.LearnedWord;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/**
 * The fields at the beginning of a model card, which the Hub reads.
 *
 * @param facts the facts of the run
 */
record CardHeader(RunFacts facts) {
  /** Returns the fields as YAML between two lines of dashes. */
  String text() {
    List<String> lines = new ArrayList<>(List.of("---", "library_name: diffusers"));
    lines.add(
        "pipeline_tag: "
            + (facts.drawsTexts() ? "text-to-image" : "unconditional-image-generation"));
    facts
        .license()
        .or(() -> facts.learner().isWhole() ? Optional.empty() : Optional.of("unknown"))
        .ifPresent(id -> lines.add("license: " + id));
    base().flatMap(BaseModel::hubId).ifPresent(id -> lines.add("base_model: " + id));
    trigger().ifPresent(words -> lines.add("instance_prompt: " + JsonFile.line(words)));
    List<String> prompts = prompts();
    if (!prompts.isEmpty()) {
      lines.add("widget:");
      prompts.forEach(prompt -> lines.add("- text: " + JsonFile.line(prompt)));
    }
    lines.add("tags:");
    tags().forEach(tag -> lines.add("- " + tag));
    lines.add("---");
    return String.join("\n", lines);
  }

  /** Returns the model that was tuned, if its name is known. */
  Optional<BaseModel> base() {
    return Optional.ofNullable(facts.settings().get("model")).map(BaseModel::new);
  }

  /** Returns the word that was learned, or the caption of all pictures. */
  Optional<String> trigger() {
    return facts
        .learner()
        .word()
        .map(LearnedWord::token)
        .or(() -> Optional.ofNullable(facts.settings().get(TrainingPictures.PROMPT)));
  }

  /** Returns the paragraphs about {@link #trigger} and the base's origin, if there are any. */
  String paragraphs() {
    return trigger().map(t -> "**Trigger words**: put `" + t + "` into prompts.\n\n").orElse("")
        + base()
            .flatMap(BaseModel::origin)
            .map(
                id ->
                    "The files of the base model name `"
                        + id
                        + "` as their origin. If the base is a plain copy of it, add `base_model: "
                        + id
                        + "` above.\n\n")
            .orElse("");
  }

  /** Returns the options of {@code sample} beside a prompt, with a space before them. */
  String options() {
    return facts.readsMasks() ? " --init-image photo.png --mask mask.png" : "";
  }

  /**
   * Returns Python code that draws a picture with diffusers.
   *
   * @param model the name of the model
   * @param load lines that add something to the pipeline {@code pipe}, each with its end
   * @param text the prompt
   */
  String diffusers(String model, String load, String text) {
    boolean masks = facts.readsMasks();
    boolean file = new BaseModel(model).isFile();
    String pipeline = masks ? "AutoPipelineForInpainting" : "DiffusionPipeline";
    if (file) {
      pipeline =
          "StableDiffusion" + (facts.isXl() ? "XL" : "") + (masks ? "Inpaint" : "") + "Pipeline";
    }
    boolean tell = file && "v_prediction".equals(facts.settings().get("prediction_type"));
    String call =
        masks ? "%s, image=load_image(\"photo.png\"), mask_image=load_image(\"mask.png\")" : "%s";
    return String.format(
        Locale.ROOT,
        """
        from diffusers import %1$s
        %2$spipe = %1$s.%3$s(%4$s)
        %5$s%6$spipe(%7$s).images[0].save("sample.png")""",
        pipeline,
        masks ? "from diffusers.utils import load_image\n" : "",
        file ? "from_single_file" : "from_pretrained",
        python(model),
        tell ? "pipe.scheduler.register_to_config(prediction_type=\"v_prediction\")\n" : "",
        load,
        String.format(Locale.ROOT, call, python(text)));
  }

  /** Returns a text as a string of Python. */
  static String python(String text) {
    return '"' + text.replaceAll("[\\\\\"]", "\\\\$0") + '"';
  }

  /** Returns a text as a word of a shell. */
  static String shell(String text) {
    return '"' + text.replaceAll("[\\\\\"$`]", "\\\\$0") + '"';
  }

  private List<String> prompts() {
    return facts.drawsTexts() && facts.options().get("validation_prompt") instanceof List<?> texts
        ? texts.stream().map(String::valueOf).toList()
        : List.of();
  }

  private List<String> tags() {
    List<String> tags = new ArrayList<>();
    if (facts.drawsTexts()) {
      tags.add("text-to-image");
      tags.add(facts.isXl() ? "stable-diffusion-xl" : "stable-diffusion");
      if (facts.readsMasks()) {
        tags.add("inpainting");
      }
    } else {
      tags.addAll(List.of("diffusion", "ddpm"));
    }
    if (facts.learner().word().isPresent()) {
      tags.add("textual_inversion");
    } else if (facts.learner().lora().isPresent()) {
      tags.addAll(List.of("lora", "template:sd-lora"));
    }
    tags.add("sfumato");
    return tags;
  }
}

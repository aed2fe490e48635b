package dev.sfumato.run;

import dev.sfumato.checkpoint.LoraFormat;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Optional;

/**
 * The lines of a card that tell how to use a LoRA or a learned word.
 *
 * @param header the card's header
 * @param base the model that was tuned, an id of the Hub or a name
 */
record AdapterUse(CardHeader header, String base) {
  private RunFacts facts() {
    return header.facts();
  }

  /** Returns the options of {@code sample}. */
  String options() {
    return String.format(
        Locale.ROOT,
        "--model %s%s --%s \"DIR/%s\" --prompt %s%s --out sample.png",
        word(base),
        choices(),
        facts().learner().word().isPresent() ? "textual-inversion" : "lora",
        facts().learner().resultFile(facts().output().resolve("")),
        CardHeader.shell(header.trigger().orElse("TEXT")),
        header.options());
  }

  /** Returns the options without which the base would be another model. */
  private String choices() {
    String vae = autoencoder().map(own -> " --vae " + word(own.shown())).orElse("");
    return new BaseModel(base).isFile()
        ? vae + " --prediction-type " + facts().settings().get("prediction_type")
        : vae;
  }

  /** Returns a name as a shell takes it. */
  private static String word(String name) {
    return name.matches("[\\w./@:+-]+") ? name : CardHeader.shell(name);
  }

  /** Returns the paragraph about other programs. */
  String withDiffusers() {
    if (facts().learner().lora().isPresent()
        && facts().learner().method().format() == LoraFormat.KOHYA) {
      return "The file has the form that the common web interfaces read.\n";
    }
    return ModelCard.withDiffusers(
        header.diffusers(
            base,
            autoencoder().map(AdapterUse::replaced).orElse("") + loaded() + "\n",
            header.trigger().orElse("TEXT")));
  }

  private String loaded() {
    if (facts().learner().word().isEmpty()) {
      return "pipe.load_lora_weights(\"DIR\")";
    }
    if (!facts().isXl()) {
      return "pipe.load_textual_inversion(\"DIR\")";
    }
    return String.format(
        Locale.ROOT,
        """
        from safetensors.torch import load_file
        vectors = load_file("DIR/learned_embeds.safetensors")
        pipe.load_textual_inversion(vectors["clip_l"], %1$s)
        pipe.load_textual_inversion(vectors["clip_g"], %1$s,
                                    text_encoder=pipe.text_encoder_2, tokenizer=pipe.tokenizer_2)""",
        CardHeader.python(header.trigger().orElseThrow()));
  }

  /** Returns the autoencoder that replaced the base's own. */
  private Optional<BaseModel> autoencoder() {
    return Optional.ofNullable(facts().settings().get("vae")).map(BaseModel::new);
  }

  /** Returns the lines that replace the autoencoder of diffusers' pipeline. */
  private static String replaced(BaseModel autoencoder) {
    return String.format(
        Locale.ROOT,
        """
        from diffusers import AutoencoderKL
        pipe.vae = AutoencoderKL.%s(%s%s)
        """,
        autoencoder.isFile() ? "from_single_file" : "from_pretrained",
        CardHeader.python(autoencoder.shown()),
        Files.isDirectory(Path.of(autoencoder.name(), "vae")) ? ", subfolder=\"vae\"" : "");
  }
}

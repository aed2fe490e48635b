package dev.sfumato.run;

import dev.sfumato.checkpoint.LoraFormat;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Optional;

/**
 * The text of the card of a LoRA or a learned word, in the Hub's format.
 *
 * @param facts the facts of the run
 * @param base the model that was tuned, an id of the Hub or a name
 * @param description the first paragraph
 */
record AdapterCard(RunFacts facts, String base, String description) {
  String text(String licence) {
    return String.format(
        Locale.ROOT,
        """
        %s

        # %s

        %s

        %s%s
        ## Training

        %s
        Every option is in `config.json`, the loss of every step in `metrics.csv`, and `report.html`
        shows curves and samples.

        ## Use

        With Sfumato:

        ```
        ./sfumato sample --model %s%s --%s "DIR/%s" --prompt %s%s --out sample.png
        ```

        %s
        ## Licence

        %s

        """,
        new CardHeader(facts).text(),
        facts.name(),
        description,
        new CardHeader(facts).paragraphs(),
        ModelCard.table(facts.model()),
        ModelCard.table(facts.training()),
        base.isEmpty() ? "BASE" : word(base),
        choices(),
        facts.learner().word().isPresent() ? "textual-inversion" : "lora",
        file(),
        CardHeader.shell(trigger().orElse("TEXT")),
        new CardHeader(facts).options(),
        diffusers(),
        licence);
  }

  /** Returns the options without which the base would be another model. */
  private String choices() {
    String vae = autoencoder().map(own -> " --vae " + word(own.shown())).orElse("");
    return new BaseModel(base).isFile()
        ? vae + " --prediction-type " + facts.settings().get("prediction_type")
        : vae;
  }

  /** Returns a name as a shell takes it. */
  private static String word(String name) {
    return name.matches("[\\w./@:+-]+") ? name : CardHeader.shell(name);
  }

  private Optional<String> trigger() {
    return new CardHeader(facts).trigger();
  }

  private String file() {
    Path folder = facts.output().resolve("");
    return facts.learner().resultFile(folder);
  }

  private String diffusers() {
    if (facts.learner().lora().isPresent()
        && facts.learner().method().format() == LoraFormat.KOHYA) {
      return "The file has the form that the common web interfaces read.\n";
    }
    String load =
        facts.learner().word().isEmpty()
            ? "pipe.load_lora_weights(\"DIR\")"
            : facts.isXl()
                ? String.format(
                    Locale.ROOT,
                    """
                  from safetensors.torch import load_file
                  vectors = load_file("DIR/learned_embeds.safetensors")
                  pipe.load_textual_inversion(vectors["clip_l"], %1$s)
                  pipe.load_textual_inversion(vectors["clip_g"], %1$s,
                                              text_encoder=pipe.text_encoder_2, tokenizer=pipe.tokenizer_2)""",
                    CardHeader.python(trigger().orElseThrow()))
                : "pipe.load_textual_inversion(\"DIR\")";
    return String.format(
        Locale.ROOT,
        """
        With diffusers:

        ```python
        %s
        ```
        """,
        new CardHeader(facts)
            .diffusers(
                base.isEmpty() ? "BASE" : base,
                autoencoder().map(AdapterCard::replaced).orElse("") + load + "\n",
                trigger().orElse("TEXT")));
  }

  /** Returns the autoencoder that replaced the base's own. */
  private Optional<BaseModel> autoencoder() {
    return Optional.ofNullable(facts.settings().get("vae")).map(BaseModel::new);
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

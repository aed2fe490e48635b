package dev.sfumato.run;

import dev.sfumato.SfumatoException;
import dev.sfumato.io.AtomicFile;
import dev.sfumato.model.ClassConditioning;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.zip.CRC32;

/**
 * The model card {@code README.md} of a run's directory, in the Hub's format. Its last line holds a
 * checksum of the rest, so that a resumed run renews the card unless somebody has edited or
 * replaced it.
 *
 * @param facts the facts of the run
 * @param description the first paragraph, which describes the model
 */
record ModelCard(RunFacts facts, String description) {
  private static final String MARK = "<!-- renewed by Sfumato while unchanged: ";

  /** Writes the card, unless there is one that this program did not write. */
  void write(Path file) {
    try {
      if (!Files.exists(file) || isOurs(Files.readString(file))) {
        AtomicFile.write(file, marked(text()).getBytes(StandardCharsets.UTF_8));
      }
    } catch (IOException e) {
      throw new SfumatoException(file + ": cannot be read: " + AtomicFile.reason(e), e);
    }
  }

  private static boolean isOurs(String card) {
    int mark = card.lastIndexOf(MARK);
    return mark >= 0 && card.equals(marked(card.substring(0, mark)));
  }

  private static String marked(String text) {
    CRC32 sum = new CRC32();
    sum.update(text.getBytes(StandardCharsets.UTF_8));
    return text + MARK + Long.toHexString(sum.getValue()) + " -->\n";
  }

  private String text() {
    CardHeader header = new CardHeader(facts);
    boolean whole = facts.learner().isWhole();
    AdapterUse adapter = new AdapterUse(header, header.base().map(BaseModel::shown).orElse("BASE"));
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
        ./sfumato sample %s
        ```

        %s
        ## Licence

        %s

        """,
        header.text(),
        facts.name(),
        description,
        header.paragraphs(),
        table(facts.model()),
        table(facts.training()),
        whole ? options(header) : adapter.options(),
        whole ? withDiffusers(code(header)) : adapter.withDiffusers(),
        whole
            ? licence(header.base().isPresent(), "add it above as `license:`")
            : licence(true, "put it in place of `unknown` above"));
  }

  /** Returns a paragraph with Python code. */
  static String withDiffusers(String code) {
    return "With diffusers:\n\n```python\n" + code + "\n```\n";
  }

  /** Returns the options of {@code sample}. */
  private String options(CardHeader header) {
    String asked =
        facts.drawsTexts()
            ? "--prompt \"TEXT\"" + header.options() + " "
            : isConditioned() ? "--class " + aClass() + " " : "";
    return "--model DIR " + asked + "--count 16 --scheduler ddim --steps 50 --out samples.png";
  }

  /**
   * Returns the paragraph about the licence.
   *
   * @param tuned whether there is a base model, too
   * @param place what to do with a licence that is not stated
   */
  private String licence(boolean tuned, String place) {
    return facts
        .license()
        .map(id -> "`" + id + "`, as stated by whoever trained it.")
        .orElse(
            "Not stated. Choose one that the data"
                + (tuned ? " and the base model" : "")
                + " allow, and "
                + place
                + ".");
  }

  private boolean isConditioned() {
    return facts.classes().type() != ClassConditioning.Type.NONE;
  }

  /** Returns a name that needs no quotes in a shell, or else a label. */
  private String aClass() {
    return facts.classes().classNames().stream()
        .findFirst()
        .filter(name -> name.matches("[\\w.-]+"))
        .orElse("0");
  }

  private String code(CardHeader header) {
    if (facts.drawsTexts()) {
      return header.diffusers("DIR", "", "TEXT");
    }
    return isConditioned()
        ? """
          # The class reaches the U-Net as class_conditioning/config.json says.
          from diffusers import DDPMScheduler, UNet2DModel
          unet = UNet2DModel.from_pretrained("DIR", subfolder="unet")
          scheduler = DDPMScheduler.from_pretrained("DIR", subfolder="scheduler")"""
        : """
          from diffusers import DiffusionPipeline
          DiffusionPipeline.from_pretrained("DIR")(batch_size=4).images[0].save("sample.png")""";
  }

  private static String table(Map<String, String> facts) {
    return facts.entrySet().stream()
        .filter(fact -> !fact.getKey().equals("licence"))
        .map(
            fact ->
                String.format(
                    Locale.ROOT,
                    "| %s | %s |\n",
                    fact.getKey(),
                    fact.getValue().replace("|", "\\|").replace("<", "\\<")))
        .collect(Collectors.joining("", "| | |\n|---|---|\n", ""));
  }
}

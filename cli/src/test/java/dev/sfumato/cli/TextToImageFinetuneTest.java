package dev.sfumato.cli;

import static com.google.common.truth.Truth.assertThat;
import static java.nio.charset.StandardCharsets.ISO_8859_1;

import com.fasterxml.jackson.databind.JsonNode;
import dev.sfumato.io.JsonFile;
import dev.sfumato.pipeline.TinyStableDiffusion;
import dev.sfumato.tensor.Safetensors;
import dev.sfumato.tensor.Scope;
import java.awt.image.BufferedImage;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** {@code finetune} of text-to-image models. */
class TextToImageFinetuneTest {
  @TempDir static Path shared;
  @TempDir Path folder;
  private static Path model;
  private Path data;
  private Path output;
  private String caption = "a red rose";
  private String samples = "0";
  private String log = "csv";
  private List<String> rate = List.of("--learning-rate", "1e-2");

  @BeforeAll
  static void writeTheModel() {
    model = TinyStableDiffusion.write(shared.resolve("model"), "sd1");
  }

  @BeforeEach
  void writeCaptionedPictures() throws IOException {
    output = folder.resolve("run");
    data = Calls.pictures(folder.resolve("data"), 4);
  }

  private Calls.Result finetune(Path to, String more, Object... places) {
    List<String> args =
        Calls.words(
            "finetune --model %s --data %s --output %s --batch-size 2 --sample-count %s --log %s"
                + " --instance-prompt %s --resolution 16",
            model, data, to, samples, log, caption);
    args.addAll(rate);
    args.addAll(Calls.words(more, places));
    return Calls.run(args);
  }

  private Calls.Result sample(String more, Object... places) {
    List<String> args =
        Calls.words("sample --model %s --steps 2 --out %s", model, folder.resolve("picture.png"));
    args.addAll(Calls.words(more, places));
    return Calls.run(args);
  }

  private static byte[] bytes(Path file) throws IOException {
    return Files.readAllBytes(file);
  }

  @Test
  void aLoraIsTheDefaultAndIsDrawnWith() throws IOException {
    finetune(output, "--max-steps 2 --lora-rank 3 --lora-alpha 6 --lora-targets all").succeeds();
    Path file = output.resolve("pytorch_lora_weights.safetensors");
    String header = Safetensors.open(file).metadata().get("lora_adapter_metadata");
    Map<?, ?> settings = (Map<?, ?>) JsonFile.value(header);
    assertThat(settings.get("unet.r")).isEqualTo(3);
    assertThat(settings.get("unet.lora_alpha")).isEqualTo(6.0);
    assertThat(Files.exists(output.resolve("unet"))).isFalse();
    JsonNode config = Calls.settings(output);
    assertThat(config.get("method").textValue()).isEqualTo("lora");
    assertThat(config.get("lora_targets").toString()).isEqualTo("[\"all\"]");
    String card = Files.readString(output.resolve("README.md"));
    assertThat(card).contains("- lora\n");
    assertThat(card).contains("license: unknown\n");
    assertThat(card).contains("| learning rate | 0.01, constant |\n");
    assertThat(card).contains("| batch | 2, accumulated: 2 |\n");
    assertThat(card).contains("instance_prompt: \"a red rose\"\n");
    assertThat(card).contains("load_lora_weights");
    assertThat(Files.readString(output.resolve("report.html"))).contains("Largest changes");
    sample("--prompt rose --lora %s", file + ":0.5").succeeds();
    sample("--prompt rose --lora %s", output).succeeds();
  }

  @ParameterizedTest
  @CsvSource({
    "lora, 1e-4",
    "full, 1e-5",
    "textual-inversion --placeholder-token zorb --initializer-token a, 5e-3"
  })
  void eachMethodHasItsUsualLearningRate(String method, double usual) throws IOException {
    rate = List.of();
    caption = "a zorb";
    finetune(output, "--max-steps 1 --method " + method).succeeds();
    JsonNode config = Calls.settings(output);
    assertThat(config.get("learning_rate").doubleValue()).isEqualTo(usual);
    finetune(output, "--max-steps 2 --resume --method " + method.split(" ")[0]).succeeds();
    finetune(output, "--max-steps 3 --resume --learning-rate 0.5").succeeds();
    config = Calls.settings(output);
    assertThat(config.get("learning_rate").doubleValue()).isEqualTo(0.5);
  }

  @Test
  void samplesShowTheModelWithAndWithoutTheLora() throws IOException {
    samples = "2";
    String options = "--sample-steps 2 --sample-every 2 --max-steps 2 --log tensorboard";
    String prompts = " --validation-prompt cat --validation-prompt <dog>";
    finetune(output, options + prompts).succeeds();
    Path without = output.resolve("samples/without-lora.png");
    assertThat(bytes(without)).isEqualTo(bytes(output.resolve("samples/step-000000.png")));
    assertThat(bytes(without)).isNotEqualTo(bytes(output.resolve("samples/step-000002.png")));
    String report = Files.readString(output.resolve("report.html"));
    assertThat(report).contains("From left to right: without the LoRA, step 0, step 2.");
    assertThat(report).containsMatch("<figcaption>cat</figcaption>");
    BufferedImage row = row(report, "&lt;dog&gt;");
    assertThat(row.getHeight()).isEqualTo(2 * 16);
    assertThat(row.getWidth()).isEqualTo(3 * 2 * 16 + 2 * 2);
    BufferedImage last = ImageIO.read(output.resolve("samples/step-000002.png").toFile());
    for (int x = 0; x < 2 * 16; x++) { // the second of two pictures side by side
      assertThat(row.getRGB(2 * (2 * 16 + 2) + x, x)).isEqualTo(last.getRGB(2 * 16 + 4 + x, 2 + x));
    }
    Path events = Calls.files(output.resolve("tensorboard")).get(0);
    assertThat(Files.readString(output.resolve("tensorboard").resolve(events), ISO_8859_1))
        .contains("samples without the LoRA");
  }

  /** Returns the row of a report with this text. */
  private static BufferedImage row(String report, String text) throws IOException {
    Matcher figure =
        Pattern.compile("base64,([^\"]+)\"><figcaption>" + text + "</figcaption>").matcher(report);
    assertThat(figure.find()).isTrue();
    byte[] file = Base64.getDecoder().decode(figure.group(1));
    return ImageIO.read(new ByteArrayInputStream(file));
  }

  @Test
  void aResumedLoraIsTheSameBitForBit() throws IOException {
    String options =
        "--lora-rank 2 --lora-dropout 0.2 --train-text-encoder --text-encoder-learning-rate 1e-3"
            + " --use-ema --ema-formula text-to-image --caption-dropout 0.3";
    Path straight = folder.resolve("straight");
    finetune(straight, "--max-steps 4 " + options).succeeds();
    finetune(output, "--max-steps 4 --checkpoint-every 1 --checkpoints-keep 9 " + options)
        .succeeds();
    Path third = output.resolve("checkpoints/step-000003");
    finetune(output, "--resume %s --max-steps 4", third).succeeds();
    String file = "pytorch_lora_weights.safetensors";
    assertThat(bytes(output.resolve(file))).isEqualTo(bytes(straight.resolve(file)));
    finetune(output, "--resume %s --max-steps 5 --lora-rank 4", third).failsWith(1, "--lora-rank");
    finetune(output, "--resume %s --max-steps 5 --lora-targets all", third)
        .failsWith(1, "--lora-targets");
  }

  @Test
  void theFormOfTheWebInterfacesHasTheNameOfTheRun() {
    finetune(output, "--max-steps 1 --lora-format kohya --train-text-encoder").succeeds();
    Path file = output.resolve("run.safetensors");
    assertThat(Safetensors.open(file).metadata()).containsEntry("ss_network_dim", "16");
    assertThat(Safetensors.open(file).names().stream().anyMatch(n -> n.startsWith("lora_te_")))
        .isTrue();
    sample("--prompt rose --lora %s", file).succeeds();
  }

  /** A file of an earlier end would be taken for the result. */
  @Test
  void aResumedRunLeavesOneResult() throws IOException {
    Path diffusers = output.resolve("pytorch_lora_weights.safetensors");
    Path kohya = output.resolve("run.safetensors");
    finetune(output, "--max-steps 1").succeeds();
    finetune(output, "--max-steps 2 --resume --lora-format kohya").succeeds();
    assertThat(Files.exists(diffusers)).isFalse();
    assertThat(Files.exists(kohya)).isTrue();
    finetune(output, "--max-steps 3 --resume --lora-format diffusers").succeeds();
    assertThat(Files.exists(diffusers)).isTrue();
    assertThat(Files.exists(kohya)).isFalse();
  }

  @Test
  void allOfAModelLearnsOnRequest() {
    finetune(output, "--method full --max-steps 1 --train-text-encoder").succeeds();
    try (Scope scope = Scope.open()) {
      String weights = "text_encoder/model.safetensors";
      String name = "final_layer_norm.weight"; // files that are written have text_model. before it
      assertThat(Safetensors.open(output.resolve(weights)).tensor("text_model." + name).toFloats())
          .isNotEqualTo(Safetensors.open(model.resolve(weights)).tensor(name).toFloats());
    }
    Calls.run("sample --model %s --prompt a --steps 2 --out %s", output, folder.resolve("a.png"))
        .succeeds();
  }

  @Test
  void picturesThatNoCacheKeepsAreWarnedOf() throws IOException {
    BufferedImage wide = new BufferedImage(24, 16, BufferedImage.TYPE_INT_RGB);
    ImageIO.write(wide, "png", data.resolve("a/wide.png").toFile());
    String warning = "1 of 5 pictures are cropped at random";
    String options = "--overwrite --max-steps 3 --no-buckets";
    String err = finetune(output, options).succeeds().err();
    assertThat(err.split(warning, -1)).hasLength(2);
    assertThat(err).contains("warning: 1 of 5 pictures");
    assertThat(err).contains("with --center-crop they");
    assertThat(finetune(output, options + " --center-crop").err()).doesNotContain(warning);
    assertThat(finetune(output, options + " --cache-latents none").err()).doesNotContain(warning);
  }

  @Test
  void tensorBoardShowsWhatLearns() throws IOException {
    samples = "2";
    log = "csv,tensorboard";
    finetune(output, "--max-steps 2 --lora-rank 2 --sample-every 1 --sample-steps 1").succeeds();
    Path events =
        output.resolve("tensorboard").resolve(Calls.files(output.resolve("tensorboard")).get(0));
    String logged = Files.readString(events, StandardCharsets.ISO_8859_1);
    assertThat(logged).contains("lora_norm");
    assertThat(logged).containsMatch("gradients/down_blocks[\\w.]*to_q[\\w.]*lora");
    assertThat(logged).doesNotContain("conv_in");
  }

  @Test
  void droppedClassesAreForOtherModels() {
    finetune(output, "--class-dropout 0.1")
        .failsWith(2, "--class-dropout has no effect on a text-to-image model");
  }

  @Test
  void theCardStatesTheLicence() throws IOException {
    finetune(output, "--max-steps 1 --license CC0").failsWith(2, "--license", "cc0-1.0");
    assertThat(Files.exists(output)).isFalse();
    finetune(output, "--max-steps 1 --license cc0-1.0").succeeds();
    finetune(output, "--max-steps 2 --resume").succeeds();
    assertThat(Files.readString(output.resolve("README.md"))).contains("\nlicense: cc0-1.0\n");
    Path whole = folder.resolve("whole");
    String prompt = " --validation-prompt rose --validation-prompt a:b";
    finetune(whole, "--max-steps 1 --method full --license other" + prompt).succeeds();
    String card = Files.readString(whole.resolve("README.md"));
    assertThat(card).contains("\ninstance_prompt: \"a red rose\"\n");
    assertThat(card).contains("\nwidget:\n- text: \"rose\"\n- text: \"a:b\"\ntags:\n");
    assertThat(card).contains("\n- stable-diffusion\n- sfumato\n---\n");
    assertThat(card).contains("**Trigger words**: put `a red rose` into prompts.");
    assertThat(card).contains("\nlicense: other\n");
    assertThat(card).doesNotContain("Not stated");
  }

  /** A directory may be a copy of a model of the Hub, or something that was made of it. */
  @Test
  void theCardNamesTheBaseIfItIsOfTheHub() throws IOException {
    Path own = model;
    try {
      finetune(output, "--max-steps 1").succeeds();
      String card = Files.readString(output.resolve("README.md"));
      assertThat(card).doesNotContain("base_model");
      assertThat(card).doesNotContain(own.toString());
      assertThat(card).contains("sample --model model --lora");
      Path cached = folder.resolve("hub/models--some-org--rose/snapshots/0123");
      model = TinyStableDiffusion.write(cached, "sd1");
      finetune(folder.resolve("cached"), "--max-steps 1").succeeds();
      card = Files.readString(folder.resolve("cached/README.md"));
      assertThat(card).contains("\nbase_model: some-org/rose\n");
      assertThat(card).contains("A LoRA, fine-tuned from `some-org/rose`");
      assertThat(card).contains("from_pretrained(\"some-org/rose\")");
      assertThat(card).doesNotContain("as their origin");
      model = TinyStableDiffusion.write(folder.resolve("copy"), "sd1");
      Path index = model.resolve("model_index.json");
      String json = Files.readString(index);
      Files.writeString(index, json.replaceFirst("\\{", "{\"_name_or_path\": \"some-org/rose\","));
      finetune(folder.resolve("copied"), "--max-steps 1").succeeds();
      card = Files.readString(folder.resolve("copied/README.md"));
      assertThat(card).doesNotContain("\nbase_model");
      assertThat(card).contains("name `some-org/rose` as their origin");
    } finally {
      model = own;
    }
  }

  @Test
  void codeOfACardQuotesTheTriggerWords() throws IOException {
    caption = "a \"red\" $rose \\o/";
    finetune(output, "--max-steps 1").succeeds();
    String card = Files.readString(output.resolve("README.md"));
    assertThat(card).contains("--prompt \"a \\\"red\\\" \\$rose \\\\o/\" --out");
    assertThat(card).contains("pipe(\"a \\\"red\\\" $rose \\\\o/\").images");
  }

  @Test
  void aWordIsLearnedAndDrawnWith() throws IOException {
    String word =
        "--method textual-inversion --placeholder-token <rose-x> --initializer-token a --vectors 2"
            + " --flip";
    finetune(output, "--max-steps 1 " + word).failsWith(1, "--instance-prompt");
    caption = "a photo of <rose-x>";
    Path straight = folder.resolve("straight");
    finetune(straight, "--max-steps 3 " + word).succeeds();
    finetune(output, "--max-steps 2 " + word).succeeds();
    finetune(output, "--max-steps 3 --resume").succeeds();
    String file = "learned_embeds.safetensors";
    assertThat(bytes(output.resolve(file))).isEqualTo(bytes(straight.resolve(file)));
    try (Scope scope = Scope.open()) {
      assertThat(Safetensors.open(output.resolve(file)).tensor("<rose-x>").shape())
          .isEqualTo(new long[] {2, 32});
    }
    String card = Files.readString(output.resolve("README.md"));
    assertThat(card).contains("put `<rose-x>` into prompts");
    assertThat(card).contains("| learned word | \\<rose-x>, vectors: 2 |"); // not a tag of HTML
    sample("--prompt %s --textual-inversion %s", "a <rose-x>", output.resolve(file)).succeeds();
    finetune(output, "--max-steps 4 --resume --vectors 3").failsWith(1, "--vectors");
  }

  @Test
  void missingClassPicturesAreDrawnOnce() throws IOException {
    Path classes = folder.resolve("classes");
    String options = "--max-steps 2 --class-count 3 --class-prompt rose --class-data " + classes;
    finetune(output, options + " --prior-weight 0.5 --train-text-encoder").succeeds();
    List<Path> drawn = Calls.files(classes);
    assertThat(drawn).hasSize(3);
    Files.delete(classes.resolve(drawn.get(0)));
    byte[] second = bytes(classes.resolve(drawn.get(1)));
    finetune(output, options + " --overwrite").succeeds();
    assertThat(Calls.files(classes)).hasSize(3);
    assertThat(bytes(classes.resolve(drawn.get(1)))).isEqualTo(second);
    JsonNode config = Calls.settings(output);
    assertThat(config.get("class_prompt").toString()).isEqualTo("[\"rose\"]");
    finetune(output, "--max-steps 3 --resume").succeeds();
    finetune(output, "--class-count 3").failsWith(2, "--class-prompt");
    finetune(output, "--class-prompt rose").failsWith(2, "--class-data");
  }

  @Test
  void aBrokenClassPictureIsToldBeforeOthersAreDrawn() throws IOException {
    Path classes = Files.createDirectory(folder.resolve("classes"));
    Files.writeString(classes.resolve("class-00001.png"), "no picture");
    String options = "--max-steps 1 --class-count 3 --class-prompt rose --class-data " + classes;
    finetune(output, options)
        .failsWith(1, "class pictures: ", "class-00001.png", "deleted ones are drawn anew");
    assertThat(Calls.files(classes)).hasSize(1);
    Files.delete(classes.resolve("class-00001.png"));
    finetune(output, options).succeeds();
  }

  @Test
  void classPicturesHaveNoMasks() throws IOException {
    Path classes = folder.resolve("classes");
    for (Path picture : Calls.files(data)) {
      String name = picture.getFileName().toString().replace(".png", "-masklabel.png");
      Files.copy(data.resolve(picture), data.resolve(picture).resolveSibling(name));
    }
    finetune(
            output,
            "--max-steps 1 --masks file --class-count 2 --class-prompt rose --class-data %s",
            classes)
        .succeeds();
  }

  @Test
  void severalSubjectsHaveFolders() throws IOException {
    Path classes = folder.resolve("classes");
    String options = "--max-steps 2 --class-count 2 --class-data %s --class-prompt %s";
    finetune(output, options + " --class-prompt %s", classes, "a=a cat", "b=a dog").succeeds();
    assertThat(Calls.files(classes)).hasSize(4);
    Path other = folder.resolve("other");
    finetune(other, options, folder.resolve("c2"), "a=a cat").failsWith(1, "--class-prompt");
    finetune(other, options, classes, "a=a cat").failsWith(1, "have a, b: name each of these once");
    options += " --class-prompt %s";
    finetune(other, options, folder.resolve("c2"), "a=a cat", "c=a dog")
        .failsWith(1, "names the folders a, c, but the training pictures have a, b");
    finetune(other, options, folder.resolve("c2"), "a=a cat", "a=a dog")
        .failsWith(1, "name each folder once");
    data = data.resolve("a");
    finetune(other, options, folder.resolve("c2"), "a=a cat", "b=a dog")
        .failsWith(1, "lie in none: give each subject a folder of its own");
    assertThat(Files.exists(folder.resolve("c2"))).isFalse();
  }

  @Test
  void classPicturesHaveAPlaceOfTheirOwn() throws IOException {
    String options = "--max-steps 1 --class-count 9 --class-prompt rose --class-data ";
    for (Path place : List.of(data, data.resolve("class"), data.resolve("a/../b"))) {
      finetune(output, options + place).failsWith(1, "lies in --data");
    }
    assertThat(Calls.files(data)).hasSize(4);
    assertThat(Files.exists(output)).isFalse();
  }

  @Test
  void theSubjectsPicturesAreReadBeforeClassPicturesAreDrawn() throws IOException {
    Files.writeString(data.resolve("a/broken.png"), "not a picture");
    Path classes = folder.resolve("classes");
    String options = "--max-steps 1 --class-count 2 --class-prompt rose --class-data ";
    finetune(output, options + classes).failsWith(1, "broken.png");
    assertThat(Files.exists(classes)).isFalse();
  }

  @Test
  void aCaptionThatIsTooLongIsWarnedOfOnce() {
    caption = "a red rose by the sea, ".repeat(9);
    String err = finetune(output, "--max-steps 4 --train-text-encoder").succeeds().err();
    assertThat(err.split("warning: ", -1)).hasLength(2);
    assertThat(err).contains("4 of 4 captions are too long for the text encoder");
  }

  @Test
  void aValidationPromptThatIsTooLongIsWarnedOfOnce() {
    samples = "2";
    String err =
        finetune(
                output,
                "--max-steps 2 --sample-every 1 --sample-steps 1 --validation-prompt cat"
                    + " --validation-prompt %s",
                "a_red_rose_by_the_sea_".repeat(19))
            .succeeds()
            .err();
    assertThat(err.split("warning: ", -1)).hasLength(2);
    assertThat(err).contains("--validation-prompt \"a_red_rose");
    assertThat(err).doesNotContain("--prompt-syntax");
  }

  @Test
  void aRankThatNoMemoryHoldsIsRefused() {
    finetune(output, "--max-steps 1 --lora-rank 1000000000")
        .failsWith(2, "--lora-rank 1000000000 needs ");
    finetune(output, "--max-steps 1 --lora-rank 500").succeeds();
  }

  /** Saving a checkpoint once froze the text encoder. */
  @Test
  void theTextEncoderLearnsAfterACheckpoint() throws IOException {
    String file = "text_encoder/model.safetensors";
    String options = "--method full --train-text-encoder --max-steps 3 --checkpoint-every ";
    finetune(output, options + 1).succeeds();
    Path straight = folder.resolve("straight");
    finetune(straight, options + 0).succeeds();
    assertThat(bytes(output.resolve(file))).isEqualTo(bytes(straight.resolve(file)));
  }

  @Test
  void aRunGoesOnWithItsMethodOnly() {
    finetune(output, "--max-steps 1 --lora-rank 2").succeeds();
    assertThat(Calls.settings(output).get("lora_alpha").asDouble()).isEqualTo(2);
    finetune(output, "--max-steps 2 --resume --method full").failsWith(2, "--method", "keeps");
    finetune(output, "--max-steps 2 --resume --method lora").succeeds();
    finetune(output, "--max-steps 2 --resume --lora-rank 4").failsWith(1, "--lora-rank");
  }

  @Test
  void whatDoesNotFitIsSaid() throws IOException {
    String word = "--method textual-inversion --initializer-token a --placeholder-token ";
    finetune(output, "--max-steps 1 " + word + "a").failsWith(2, "--placeholder-token");
    finetune(output, "--max-steps 1 " + word + "<x> --initializer-token roses")
        .failsWith(2, "--initializer-token");
    finetune(output, "--method textual-inversion").failsWith(2, "--initializer-token");
    finetune(output, "--vectors 2").failsWith(2, "textual-inversion");
    finetune(output, "--method full --lora-rank 2").failsWith(2, "--method lora");
    finetune(output, "--text-encoder-learning-rate 1").failsWith(2, "--train-text-encoder");
    finetune(output, "--train-text-encoder --text-encoder-learning-rate 0")
        .failsWith(2, "--text-encoder-learning-rate must be more than 0");
    finetune(output, "--lora-targets to_x --max-steps 1").failsWith(2, "--lora-targets");
    finetune(output, "--lora-rank 0").failsWith(2, "--lora-rank");
    finetune(output, "--train-only mid_block --max-steps 1").failsWith(1, "--lora-targets");
    assertThat(Files.exists(output)).isFalse();
  }
}

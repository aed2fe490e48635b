package dev.sfumato.pipeline;

import static com.google.common.truth.Truth.assertThat;
import static dev.sfumato.tensor.TensorSubject.assertThat;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.fasterxml.jackson.databind.JsonNode;
import dev.sfumato.SfumatoException;
import dev.sfumato.checkpoint.FileKind;
import dev.sfumato.model.Condition;
import dev.sfumato.sampling.SamplingOptions;
import dev.sfumato.sampling.TextOptions;
import dev.sfumato.tensor.Golden;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.logging.Filter;
import java.util.logging.Logger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Learned words against diffusers' {@code load_textual_inversion}. */
class TextualInversionTest {
  private static final Golden GOLDEN = Golden.read("textual_inversion");

  @TempDir Path folder;

  private StableDiffusionPipeline family(String name) {
    return StableDiffusionPipeline.load(TinyStableDiffusion.write(folder.resolve(name), name));
  }

  private static Path file(String name) {
    return Golden.path("textual_inversion.json").resolveSibling("textual_inversion").resolve(name);
  }

  private static JsonNode golden(String name) {
    for (JsonNode golden : GOLDEN.document().get("cases")) {
      if (golden.get("name").textValue().equals(name)) {
        return golden;
      }
    }
    throw new AssertionError(name);
  }

  private static Condition given(DiffusionPipeline pipeline, String prompt) {
    SamplingOptions options =
        SamplingOptions.defaults().withText(TextOptions.of(prompt).withGuidanceScale(1));
    return pipeline.conditioning(pipeline.completed(options)).given();
  }

  private static void add(StableDiffusionPipeline pipeline, JsonNode golden) {
    JsonNode options = golden.get("options");
    pipeline.addTextualInversion(
        file(options.get("file").textValue()),
        Optional.ofNullable(options.get("token")).map(JsonNode::textValue));
  }

  @ParameterizedTest
  @ValueSource(strings = {"one", "three", "named", "web", "authors", "xl"})
  void textsAreThoseOfDiffusers(String name) {
    JsonNode golden = golden(name);
    long before = Scope.liveTensors();
    try (Scope scope = Scope.open();
        StableDiffusionPipeline pipeline = family(golden.get("family").textValue())) {
      add(pipeline, golden);
      Condition given = given(pipeline, golden.get("prompt").textValue());
      assertThat(given.tokens().orElseThrow()).isWithin(2e-5).of(GOLDEN.tensor(name));
      given
          .vector()
          .ifPresent(
              pooled -> assertThat(pooled).isWithin(2e-5).of(GOLDEN.tensor(name + ".pooled")));
    }
    assertThat(Scope.liveTensors()).isEqualTo(before);
  }

  @ParameterizedTest
  @ValueSource(strings = {"one.safetensors", "web.pt", "authors.pt", "xl.safetensors"})
  void filesOfLearnedWordsAreKnownAsSuch(String name) {
    assertThat(FileKind.of(file(name))).isEqualTo(FileKind.TEXTUAL_INVERSION);
  }

  @ParameterizedTest
  @ValueSource(strings = {"sd1", "xl"})
  void theFileOfALearnedWordNamesIt(String name) {
    Path file = folder.resolve("learned_embeds.safetensors");
    String prompt = "a <mine> rose";
    try (Scope scope = Scope.open()) {
      Tensor expected;
      try (StableDiffusionPipeline learning = family(name)) {
        learning.newWord("<mine>", "a", 2).save(file);
        expected = given(learning, prompt).tokens().orElseThrow().detach().copy();
      }
      try (StableDiffusionPipeline other = StableDiffusionPipeline.load(folder.resolve(name))) {
        SfumatoException none =
            assertThrows(
                SfumatoException.class, () -> other.addTextualInversion(folder.resolve(name)));
        assertThat(none.getMessage()).contains("has no learned_embeds.safetensors");
        other.addTextualInversion(folder);
        assertThat(given(other, prompt).tokens().orElseThrow()).isWithin(1e-6).of(expected);
        assertThrows(SfumatoException.class, () -> other.resumeWord("<other>", 2, file));
      }
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"three", "xl"})
  void aSavedModelKnowsItsWords(String name) {
    JsonNode golden = golden(name);
    String prompt = golden.get("prompt").textValue();
    try (Scope scope = Scope.open();
        StableDiffusionPipeline pipeline = family(golden.get("family").textValue())) {
      add(pipeline, golden);
      Tensor expected = given(pipeline, prompt).tokens().orElseThrow();
      pipeline.save(folder.resolve("saved"));
      try (DiffusionPipeline saved = DiffusionPipeline.load(folder.resolve("saved"))) {
        assertThat(given(saved, prompt).tokens().orElseThrow()).isIdenticalTo(expected);
      }
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "sd2 | one.safetensors   |      | vectors of 32 numbers, but the text encoder reads 48",
        "sd1 | xl.safetensors    |      | is for Stable Diffusion XL",
        "xl  | one.safetensors   |      | is not for Stable Diffusion XL",
        "sd1 | one.safetensors   | a    | has a token 'a' already",
        "sd1 | none.safetensors  |      | none.safetensors",
        "sd1 | ../sd_picture_16x16.png | | sd_picture_16x16.png",
        "sd1 | ../pipeline/checkpoints/malicious.bin | | malicious.bin",
        "sd1 | ../pipeline/checkpoints/kinds.bin     | | is not a textual inversion",
      })
  void whatDoesNotFitIsOneLine(String family, String name, String token, String message) {
    long before = Scope.liveTensors();
    try (StableDiffusionPipeline pipeline = family(family)) {
      SfumatoException e =
          assertThrows(
              SfumatoException.class,
              () -> pipeline.addTextualInversion(file(name), Optional.ofNullable(token)));
      assertThat(e.getMessage()).contains(message);
      assertThat(e.getMessage()).doesNotContain("\n");
      try (Scope scope = Scope.open()) {
        given(pipeline, "a rose"); // the model still works
      }
    }
    assertThat(Scope.liveTensors()).isEqualTo(before);
  }

  @ParameterizedTest
  @CsvSource({"true, 1", "false, 0"})
  void aWordThatSumsUpPromptsIsWarnedOf(boolean old, int warnings) throws IOException {
    Path model = TinyStableDiffusion.write(folder.resolve("xl"), "xl");
    if (old) {
      Path config = model.resolve("text_encoder_2/config.json");
      String text = Files.readString(config);
      Files.writeString(
          config, text.replaceAll("\"eos_token_id\" ?: ?[0-9]+", "\"eos_token_id\": 2"));
    }
    List<String> said = new ArrayList<>();
    Logger logger = Logger.getLogger(PromptEncoder.class.getName());
    Filter before = logger.getFilter();
    logger.setFilter(record -> !said.add(record.getMessage()));
    try (StableDiffusionPipeline pipeline = StableDiffusionPipeline.load(model)) {
      add(pipeline, golden("xl"));
    } finally {
      logger.setFilter(before);
    }
    assertThat(said).hasSize(warnings);
  }

  @Test
  void aModelThatLearnsAWordTakesNoOther() {
    String reason = "the model learns a word: close it before another is added";
    try (StableDiffusionPipeline pipeline = family("sd1");
        LearnedWord rose = pipeline.newWord("<rose>", "a", 1)) {
      assertThat(assertThrows(SfumatoException.class, () -> pipeline.newWord("<tulip>", "a", 1)))
          .hasMessageThat()
          .isEqualTo(reason);
      assertThat(assertThrows(SfumatoException.class, () -> add(pipeline, golden("one"))))
          .hasMessageThat()
          .isEqualTo(file("one.safetensors") + ": " + reason);
    }
  }

  @Test
  void aWordIsAddedOnce() {
    try (StableDiffusionPipeline pipeline = family("sd1")) {
      add(pipeline, golden("three"));
      SfumatoException e = assertThrows(SfumatoException.class, () -> add(pipeline, golden("one")));
      assertThat(e.getMessage()).contains("'<cat-toy>' already");
      pipeline.addTextualInversion(file("one.safetensors"), Optional.of("<other>"));
      try (Scope scope = Scope.open()) {
        Tensor shouted = given(pipeline, "a <CAT-TOY> and <other>").tokens().orElseThrow();
        assertThat(shouted)
            .isIdenticalTo(given(pipeline, "a <cat-toy> and <other>").tokens().get());
        assertThat(shouted.sub(given(pipeline, "a b c d and <other>").tokens().get()).norm().item())
            .isGreaterThan(1);
      }
    }
  }
}

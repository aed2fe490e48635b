package dev.sfumato.pipeline;

import static com.google.common.truth.Truth.assertThat;
import static dev.sfumato.tensor.TensorSubject.assertThat;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;

import com.fasterxml.jackson.databind.JsonNode;
import dev.sfumato.SfumatoException;
import dev.sfumato.guidance.Conditioning;
import dev.sfumato.model.Condition;
import dev.sfumato.sampling.PromptSyntax;
import dev.sfumato.sampling.Sampler;
import dev.sfumato.sampling.SamplingOptions;
import dev.sfumato.sampling.TextOptions;
import dev.sfumato.tensor.Golden;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Weights in prompts against compel, and against the algorithm of AUTOMATIC1111's interface. */
class PromptSyntaxTest {
  private static final Golden GOLDEN = Golden.read("prompts");
  private static final double TOLERANCE = 5e-5;

  @TempDir Path folder;

  private DiffusionPipeline family(String name) {
    return DiffusionPipeline.load(TinyStableDiffusion.write(folder.resolve(name), name));
  }

  private static SamplingOptions options(PromptSyntax syntax, String... prompts) {
    return SamplingOptions.defaults()
        .withCount(prompts.length)
        .withText(TextOptions.of(prompts).withSyntax(syntax));
  }

  private static Conditioning conditioning(DiffusionPipeline pipeline, SamplingOptions options) {
    return pipeline.conditioning(pipeline.completed(options));
  }

  @ParameterizedTest
  @ValueSource(strings = {"sd1", "sd2", "xl"})
  void textsHaveTheWeightsOfPython(String family) {
    try (DiffusionPipeline pipeline = family(family)) {
      for (JsonNode golden : GOLDEN.document().get("cases")) {
        if (golden.get("family").textValue().equals(family)) {
          isLikePython(pipeline, golden);
        }
      }
    }
  }

  private static void isLikePython(DiffusionPipeline pipeline, JsonNode golden) {
    String name = golden.get("name").textValue();
    String prompt = golden.get("prompt").textValue();
    PromptSyntax syntax =
        PromptSyntax.valueOf(golden.get("syntax").textValue().toUpperCase(Locale.ROOT));
    long before = Scope.liveTensors();
    try (Scope scope = Scope.open()) {
      Condition given = conditioning(pipeline, unguided(syntax, prompt)).given();
      near(name + " " + prompt, given.tokens().orElseThrow(), GOLDEN.tensor(name));
      given
          .vector()
          .ifPresent(pooled -> near(name + " pooled", pooled, GOLDEN.tensor(name + ".pooled")));
    }
    assertThat(Scope.liveTensors()).isEqualTo(before);
  }

  private static SamplingOptions unguided(PromptSyntax syntax, String prompt) {
    return SamplingOptions.defaults()
        .withText(TextOptions.of(prompt).withSyntax(syntax).withGuidanceScale(1));
  }

  /** The tolerance grows with large values, which weights make. */
  private static void near(String what, Tensor actual, Tensor expected) {
    try {
      assertThat(actual)
          .isWithin(TOLERANCE * Math.max(1, expected.abs().max().item()))
          .of(expected);
    } catch (AssertionError e) {
      throw new AssertionError(what, e);
    }
  }

  @Test
  void parenthesesAreTextWithoutASyntax() {
    try (Scope scope = Scope.open();
        DiffusionPipeline pipeline = family("sd1")) {
      Tensor plain =
          conditioning(pipeline, unguided(PromptSyntax.NONE, "(rose)")).given().tokens().get();
      Tensor bare =
          conditioning(pipeline, unguided(PromptSyntax.NONE, "rose")).given().tokens().get();
      assertThat(plain.sub(bare).abs().max().item()).isGreaterThan(0.1);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"sd1", "xl"})
  void longPromptsAreDrawn(String family) {
    String sea = "an old house by the sea, with a red roof, and a bird in a green tree";
    try (Scope scope = Scope.open();
        DiffusionPipeline pipeline = family(family)) {
      for (PromptSyntax syntax : List.of(PromptSyntax.A1111, PromptSyntax.COMPEL)) {
        SamplingOptions one = options(syntax, sea).withSteps(2);
        Tensor alone = pipeline.sample(one, Sampler.Listener.NONE);
        Tensor cut =
            pipeline.sample(options(PromptSyntax.NONE, sea).withSteps(2), Sampler.Listener.NONE);
        assertThat(alone.sub(cut).abs().max().item()).isGreaterThan(1e-2);
        SamplingOptions both = options(syntax, sea, "two cats").withSteps(2);
        Tensor two = pipeline.sample(both, Sampler.Listener.NONE);
        assertThat(two.size(0)).isEqualTo(2);
        assertThat(two)
            .isWithin(1e-3)
            .of(pipeline.sample(both.withBatchSize(1), Sampler.Listener.NONE));
      }
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "A1111  | (red:1.2.3)                    | weight '1.2.3'",
        "COMPEL | a cat.swap(dog)                | .swap() is not supported",
        "COMPEL | a cat withLora(dog, 0.5)       | withLora",
        "COMPEL | (\"a\", \"b\").and(1)          | 2 texts by 1 weights",
        "COMPEL | (\"a\", \"b\").blend(x, y)     | weight 'x'",
      })
  void whatDoesNotParseIsOneLine(PromptSyntax syntax, String prompt, String message) {
    try (Scope scope = Scope.open();
        DiffusionPipeline pipeline = family("sd1")) {
      SfumatoException e =
          assertThrows(
              SfumatoException.class, () -> conditioning(pipeline, unguided(syntax, prompt)));
      assertThat(e.getMessage()).contains(message);
      assertThat(e.getMessage()).doesNotContain("\n");
    }
  }

  @Test
  void manyBracketsAreReadAtOnce() {
    String nested = "(".repeat(40) + "a rose" + ")".repeat(40);
    String open = "( ".repeat(40) + "a rose";
    for (String prompt : List.of(nested, nested + "1.1", open)) {
      assertTimeoutPreemptively(Duration.ofSeconds(20), () -> CompelParser.parse(prompt), prompt);
    }
  }

  @Test
  void aBlendIsTheMeanOfItsTexts() {
    try (Scope scope = Scope.open();
        DiffusionPipeline pipeline = family("sd1")) {
      Tensor rose = tokens(pipeline, "a red rose");
      Tensor cats = tokens(pipeline, "two cats");
      assertThat(tokens(pipeline, "(\"a red rose\", \"two cats\").blend(3, 1)"))
          .isWithin(TOLERANCE)
          .of(rose.mul(0.75).add(cats.mul(0.25)));
      assertThat(tokens(pipeline, "(\"a red rose\", \"two cats\").blend(1, 1, no_normalize)"))
          .isWithin(TOLERANCE)
          .of(rose.add(cats));
    }
  }

  private static Tensor tokens(DiffusionPipeline pipeline, String prompt) {
    return conditioning(pipeline, unguided(PromptSyntax.COMPEL, prompt)).given().tokens().get();
  }
}

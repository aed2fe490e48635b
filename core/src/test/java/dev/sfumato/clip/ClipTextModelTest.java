package dev.sfumato.clip;

import static com.google.common.truth.Truth.assertThat;
import static dev.sfumato.tensor.TensorSubject.assertThat;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.JsonNode;
import com.google.common.truth.Truth;
import dev.sfumato.SfumatoException;
import dev.sfumato.io.JsonFile;
import dev.sfumato.io.JsonObject;
import dev.sfumato.tensor.Autograd;
import dev.sfumato.tensor.Golden;
import dev.sfumato.tensor.MildWeights;
import dev.sfumato.tensor.Moves;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.StandInCard;
import dev.sfumato.tensor.Tensor;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Text encoders against what transformers computed in float64. */
class ClipTextModelTest {
  private static final Golden GOLDEN = Golden.read("stable_diffusion");
  private static final double TOLERANCE = 2e-5;

  private static JsonNode document(String name) {
    return StreamSupport.stream(GOLDEN.document().get("texts").spliterator(), false)
        .filter(c -> c.get("name").textValue().equals(name))
        .findFirst()
        .orElseThrow();
  }

  private static Map<String, Tensor> weights(String name) {
    Map<String, long[]> shapes = new TreeMap<>();
    document(name)
        .get("parameters")
        .properties()
        .forEach(
            e ->
                shapes.put(
                    e.getKey(),
                    StreamSupport.stream(e.getValue().spliterator(), false)
                        .mapToLong(JsonNode::longValue)
                        .toArray()));
    return MildWeights.of(shapes, document(name).get("seed").longValue());
  }

  private static ClipTextModel model(String name, Map<String, Tensor> weights) {
    Map<String, Object> values =
        JsonFile.MAPPER.convertValue(document(name).get("config"), new TypeReference<>() {});
    JsonObject config = JsonObject.of(name + ": ", values).withoutNulls();
    return ClipTextModel.of(TransformersLayout.textConfig(config), weights, name);
  }

  /** The stand-in has no tables, so each call ends there; checks of the tokens come before. */
  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void whatItReadsOnACardIsNeverReadBack(boolean learnsAWord) {
    try (Scope scope = Scope.open();
        ClipTextModel model = model("text", weights("text"))) {
      StandInCard.place(model);
      if (learnsAWord) {
        model.learnTokens(model.config().vocabSize(), Tensor.zeros(1, 32));
      }
      Tensor ids = GOLDEN.tensor("ids");
      Tensor states = Tensor.zeros(StandInCard.DEVICE, ids.size(0), ids.size(1), 32);
      long before = Moves.read();
      for (Executable call :
          List.<Executable>of(
              () -> model.hiddenStates(ids),
              () -> model.hiddenStates(ids, Tensor.zeros(StandInCard.DEVICE, ids.shape())),
              () -> model.pooled(states, ids))) {
        SfumatoException end = assertThrows(SfumatoException.class, call);
        assertThat(end).hasMessageThat().contains("Meta tensors");
      }
      Truth.assertThat(Moves.read()).isEqualTo(before);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"text", "text_gelu", "text_old"})
  void computesWhatTransformersComputes(String name) {
    try (Scope scope = Scope.open();
        Autograd.Recording off = Autograd.off();
        ClipTextModel model = model(name, weights(name))) {
      Tensor ids = GOLDEN.tensor("ids");
      List<Tensor> states = model.hiddenStates(ids);
      for (int i = 0; i < states.size(); i++) {
        assertThat(states.get(i)).isWithin(TOLERANCE).of(GOLDEN.tensor(name + ".states." + i));
      }
      Tensor last = model.normed(states.get(states.size() - 1));
      assertThat(last).isWithin(TOLERANCE).of(GOLDEN.tensor(name + ".last"));
      assertThat(model.projected(model.pooled(last, ids)))
          .isWithin(TOLERANCE)
          .of(GOLDEN.tensor(name + ".projected"));
    }
  }

  @ParameterizedTest
  @CsvSource({"true", "false"})
  void bothPrefixesLoad(boolean prefixed) {
    try (Scope scope = Scope.open();
        Autograd.Recording off = Autograd.off()) {
      Map<String, Tensor> weights = new HashMap<>();
      weights("text")
          .forEach(
              (name, weight) -> {
                String plain = name.replaceFirst("^text_model\\.", "");
                boolean whole = plain.startsWith("text_projection") || !prefixed;
                weights.put(whole ? plain : "text_model." + plain, weight);
              });
      weights.put((prefixed ? "text_model." : "") + "embeddings.position_ids", Tensor.arange(12));
      try (ClipTextModel model = model("text", weights)) {
        Tensor last = model.normed(model.hiddenStates(GOLDEN.tensor("ids")).get(3));
        assertThat(last).isWithin(TOLERANCE).of(GOLDEN.tensor("text.last"));
      }
    }
  }

  @Test
  void withoutProjectionNothingIsProjected() {
    try (Scope scope = Scope.open()) {
      Map<String, Tensor> weights = weights("text");
      weights.remove("text_projection.weight");
      try (ClipTextModel model = model("text", weights)) {
        assertThat(model.projects()).isFalse();
        assertThrows(SfumatoException.class, () -> model.projected(Tensor.zeros(1, 32)));
      }
    }
  }

  @Test
  void tokensOfAnotherTokenizerAreRefused() {
    try (Scope scope = Scope.open();
        ClipTextModel model = model("text", weights("text"))) {
      SfumatoException e =
          assertThrows(
              SfumatoException.class,
              () -> model.hiddenStates(Tensor.of(new long[] {98, 100}, 1, 2)));
      assertThat(e.getMessage()).contains("token 100");
      assertThrows(SfumatoException.class, () -> model.hiddenStates(Tensor.zeros(1, 13)));
    }
  }
}

package dev.sfumato.nn;

import dev.sfumato.SfumatoException;
import dev.sfumato.tensor.DType;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;

/** Strict loading: every parameter gets its weight and every weight its parameter, or none does. */
final class StateDict {
  private StateDict() {}

  static void load(Map<String, Tensor> parameters, Map<String, Tensor> weights, String source) {
    List<String> problems = problems(parameters, weights);
    if (!problems.isEmpty()) {
      throw new SfumatoException(
          source + ": the weights do not fit the configuration: " + String.join("; ", problems));
    }
    try (Scope scope = Scope.open()) {
      parameters.forEach(
          (name, parameter) ->
              parameter.share_(
                  weights.get(name).detach().to(DType.FLOAT32).to(parameter.device())));
    }
  }

  private static List<String> problems(
      Map<String, Tensor> parameters, Map<String, Tensor> weights) {
    List<String> missing = new ArrayList<>();
    List<String> misshaped = new ArrayList<>();
    parameters.forEach(
        (name, parameter) -> {
          Tensor weight = weights.get(name);
          if (weight == null) {
            missing.add(name);
          } else if (!Arrays.equals(weight.shape(), parameter.shape())) {
            misshaped.add(
                name
                    + " is "
                    + Arrays.toString(weight.shape())
                    + ", expected "
                    + Arrays.toString(parameter.shape()));
          }
        });
    List<String> unexpected =
        weights.keySet().stream().filter(name -> !parameters.containsKey(name)).sorted().toList();
    List<String> problems = new ArrayList<>();
    if (!missing.isEmpty()) {
      problems.add("missing " + String.join(", ", missing));
    }
    if (!unexpected.isEmpty()) {
      problems.add("unexpected " + String.join(", ", unexpected));
    }
    if (!misshaped.isEmpty()) {
      problems.add("wrong shape: " + String.join(", ", misshaped));
    }
    return problems;
  }
}

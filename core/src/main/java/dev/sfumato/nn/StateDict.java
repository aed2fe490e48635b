package dev.sfumato.nn;

import dev.sfumato.SfumatoException;
import dev.sfumato.tensor.DType;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.UnaryOperator;
import java.util.regex.Pattern;

/**
 * Strict loading: each parameter must match a weight and each weight a parameter, or nothing is
 * loaded.
 */
final class StateDict {
  /** Parts of names that PyTorch's compiler and distributed training add to each wrapped module. */
  private static final Pattern WRAPPER =
      Pattern.compile("(^|(?<=\\.))(_orig_mod|_fsdp_wrapped_module|_checkpoint_wrapped_module)\\.");

  private static final int NAMED = 2;

  private StateDict() {}

  /**
   * Loads weights.
   *
   * @param matrices the names of parameters whose type {@code types} chooses by that of the
   *     checkpoint; the others become float32
   */
  static void load(
      Map<String, Tensor> parameters,
      Set<String> matrices,
      UnaryOperator<DType> types,
      Weights checkpoint) {
    Map<String, Tensor> weights = checkpoint.tensors();
    String source = checkpoint.source();
    Map<String, Tensor> plain = plainNames(parameters.keySet(), weights);
    List<String> problems = problems(parameters, plain);
    if (!problems.isEmpty()) {
      throw new SfumatoException(
          source + ": the weights do not fit the configuration: " + String.join("; ", problems));
    }
    try (Scope scope = Scope.open()) {
      Map<String, Tensor> converted = new LinkedHashMap<>();
      parameters.forEach(
          (name, parameter) -> {
            Tensor found = plain.get(name);
            DType type = matrices.contains(name) ? types.apply(found.dtype()) : DType.FLOAT32;
            Tensor weight = found.detach().to(type);
            if (!weight.isFinite()) {
              throw new SfumatoException(
                  source
                      + ": the weight "
                      + name
                      + (found.isFinite()
                          ? " is too large for fp16: use `precision` bf16 or fp32"
                          : " holds NaN or infinity: the model is damaged, take an earlier one"));
            }
            converted.put(name, weight.to(parameter.device()));
          });
      parameters.forEach((name, parameter) -> parameter.share_(converted.get(name)));
    }
  }

  /**
   * Removes wrappers' names, and a prefix that all weights share and no parameter has, such as
   * {@code module.} of a model trained on several cards.
   */
  private static Map<String, Tensor> plainNames(
      Set<String> parameters, Map<String, Tensor> weights) {
    Map<String, Tensor> plain = new LinkedHashMap<>();
    weights.forEach((name, weight) -> plain.put(WRAPPER.matcher(name).replaceAll(""), weight));
    if (plain.size() < weights.size()) {
      return weights; // two weights of one name: ambiguous
    }
    return withoutPrefix(parameters, plain);
  }

  private static Map<String, Tensor> withoutPrefix(
      Set<String> parameters, Map<String, Tensor> weights) {
    String first = weights.isEmpty() ? "" : weights.keySet().iterator().next();
    String prefix = first.substring(0, first.indexOf('.') + 1);
    if (prefix.isEmpty()
        || parameters.stream().anyMatch(weights::containsKey)
        || !weights.keySet().stream().allMatch(name -> name.startsWith(prefix))) {
      return weights;
    }
    Map<String, Tensor> shorter = new LinkedHashMap<>();
    weights.forEach((name, weight) -> shorter.put(name.substring(prefix.length()), weight));
    return withoutPrefix(parameters, shorter);
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
      problems.add("missing " + some(missing));
    }
    if (!unexpected.isEmpty()) {
      problems.add("unexpected " + some(unexpected));
    }
    if (!misshaped.isEmpty()) {
      problems.add("wrong shape: " + some(misshaped));
    }
    return problems;
  }

  /** Lists the first of {@code names} and the number of the others. */
  private static String some(Collection<String> names) {
    String first = String.join(", ", names.stream().limit(NAMED).toList());
    int more = names.size() - NAMED;
    return more > 0 ? first + " and " + more + " more" : first;
  }
}

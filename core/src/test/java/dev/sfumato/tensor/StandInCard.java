package dev.sfumato.tensor;

import dev.sfumato.nn.Module;
import java.lang.reflect.Field;
import java.lang.reflect.Method;
import java.util.List;

/**
 * A card for tests: the engine's device {@code meta}, which computes shapes alone. To this library
 * it is a device beside the host's memory, as a card is.
 */
public final class StandInCard {
  public static final Device DEVICE = new Device("meta", 0);

  private StandInCard() {}

  /** Moves a module there. {@link Module#to} cannot, since the engine keeps such tensors apart. */
  public static void place(Module module) {
    List.copyOf(module.parameters().values()).forEach(parameter -> place(module, parameter));
  }

  private static void place(Module module, Tensor parameter) {
    try (Scope scope = Scope.open()) {
      Method placed = Module.class.getDeclaredMethod("placed", Tensor.class, Device.class);
      placed.setAccessible(true);
      Tensor there =
          Scope.release((Tensor) placed.invoke(module, parameter, DEVICE))
              .requiresGrad(parameter.requiresGrad());
      Field operand = TensorOperations.class.getDeclaredField("operand");
      operand.setAccessible(true);
      parameter.operand.close();
      operand.set(parameter, there.operand);
      Scope.died(); // one of the two
    } catch (ReflectiveOperationException e) {
      throw new AssertionError(e);
    }
  }
}

"""How the built-in modules are put together: use cases out of infrastructure, edges out of use cases."""
